import { personOf, useEndUser, useSetEndUserLimits } from "~/features/endUsers/endUsers";
import { LimitsEditor } from "~/features/limits/LimitsEditor";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { useNotices } from "~/ui/useNotices";

/** Edits the limits of an end user, beside the page; closed while `id` is "". */
export function EndUserLimitsPanel({ id, close }: { id: string; close: () => void }) {
  return (
    <SidePanel title="Limits of an end user" back={close} opened={id !== ""}>
      {id !== "" && <Editor id={id} close={close} />}
    </SidePanel>
  );
}

function Editor({ id, close }: { id: string; close: () => void }) {
  const { data, error, isFetchedAfterMount } = useEndUser(id);
  const { mutateAsync } = useSetEndUserLimits();
  const { notify } = useNotices();
  if (error !== null) return <ErrorMessage error={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={480} />;
  const save = async (change: Parameters<typeof mutateAsync>[0]["change"]) => {
    await mutateAsync({ id, change });
    notify({ state: "good", text: `The limits of ${personOf(data)} are in force at the next request.` });
  };
  return <LimitsEditor limits={data.limits} usage={data.usage} save={save} onDone={close} />;
}
