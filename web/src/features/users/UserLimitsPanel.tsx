import { LimitsEditor } from "~/features/limits/LimitsEditor";
import { useUserChanges } from "~/features/users/changes";
import { useUserLimits } from "~/features/users/users";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";

/** Edits all limits of a user, beside the page; closed while `userId` is "". */
export function UserLimitsPanel({ userId, close }: { userId: string; close: () => void }) {
  return (
    <SidePanel title={`Limits of ${userId}`} back={close} opened={userId !== ""}>
      {userId !== "" && <Editor userId={userId} close={close} />}
    </SidePanel>
  );
}

function Editor({ userId, close }: { userId: string; close: () => void }) {
  const { data, error, isFetchedAfterMount } = useUserLimits(userId);
  const { setLimits } = useUserChanges();
  if (error !== null) return <ErrorMessage error={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={480} />;
  const { usage, ...limits } = data;
  return <LimitsEditor limits={limits} usage={usage} save={(change) => setLimits(userId, limits, change)} onDone={close} />;
}
