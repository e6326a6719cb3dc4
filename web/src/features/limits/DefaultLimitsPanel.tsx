import { useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import type { LimitsChange } from "~/features/limits/change";
import { LimitsEditor } from "~/features/limits/LimitsEditor";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { useNotices } from "~/ui/useNotices";

const DEFAULTS = ["limits", "defaults"] as const;

export function useDefaultLimits() {
  return useQuery({ queryKey: DEFAULTS, queryFn: () => body(api.GET("/admin/limits/defaults")), staleTime: 0 });
}

/** Edits the limits that new users begin with, beside the page. */
export function DefaultLimitsPanel({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <SidePanel title="Limits of new users" back={close} opened={opened}>
      {opened && <Editor close={close} />}
    </SidePanel>
  );
}

function Editor({ close }: { close: () => void }) {
  const { data, error, isFetchedAfterMount } = useDefaultLimits();
  const queries = useQueryClient();
  const { notify } = useNotices();
  if (error !== null) return <ErrorMessage error={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={480} />;
  const save = async (change: LimitsChange) => {
    queries.setQueryData(DEFAULTS, await body(api.PUT("/admin/limits/defaults", { body: change })));
    notify({ state: "good", text: "Users made from now on get these limits. Those there are keep theirs." });
  };
  return <LimitsEditor limits={data} save={save} onDone={close} />;
}
