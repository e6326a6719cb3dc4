import { useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import { LimitsEditor } from "~/parts/LimitsEditor";
import type { LimitsChange } from "~/parts/limits";
import { useNotices } from "~/parts/notice";
import { SidePanel } from "~/parts/SidePanel";
import { Fault, Loading } from "~/parts/states";
import { useUserChanges } from "~/parts/userChanges";
import { useLimits } from "~/parts/users";

/** All limits of a user, beside the page; "" is nobody, and closed. */
export function LimitsPanel({ userId, close }: { userId: string; close: () => void }) {
  return (
    <SidePanel title={`Limits of ${userId}`} back={close} opened={userId !== ""}>
      {userId !== "" && <OfUser userId={userId} close={close} />}
    </SidePanel>
  );
}

function OfUser({ userId, close }: { userId: string; close: () => void }) {
  const { data, error, isFetchedAfterMount } = useLimits(userId);
  const { setLimits } = useUserChanges();
  if (error !== null) return <Fault fault={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={480} />;
  const { usage, ...limits } = data;
  return <LimitsEditor limits={limits} usage={usage} save={(change) => setLimits(userId, limits, change)} onDone={close} />;
}

const DEFAULTS = ["limits", "defaults"] as const;

export function useDefaultLimits() {
  return useQuery({ queryKey: DEFAULTS, queryFn: () => body(api.GET("/admin/limits/defaults")), staleTime: 0 });
}

/** The limits that users get who are made from now on. */
export function DefaultLimitsPanel({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <SidePanel title="Limits of new users" back={close} opened={opened}>
      {opened && <OfNewUsers close={close} />}
    </SidePanel>
  );
}

function OfNewUsers({ close }: { close: () => void }) {
  const { data, error, isFetchedAfterMount } = useDefaultLimits();
  const queries = useQueryClient();
  const { tell } = useNotices();
  if (error !== null) return <Fault fault={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={480} />;
  const save = async (change: LimitsChange) => {
    queries.setQueryData(DEFAULTS, await body(api.PUT("/admin/limits/defaults", { body: change })));
    tell({ state: "good", text: "Users made from now on get these limits. Those there are keep theirs." });
  };
  return <LimitsEditor limits={data} save={save} onDone={close} />;
}
