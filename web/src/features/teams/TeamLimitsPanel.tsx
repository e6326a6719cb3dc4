import { useQueryClient } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import { describeChange, type LimitsChange } from "~/features/limits/change";
import { LimitsEditor } from "~/features/limits/LimitsEditor";
import { TEAMS, useTeamLimits } from "~/features/teams/teams";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { useNotices } from "~/ui/useNotices";

/** Edits all limits of a team, beside the page. */
export function TeamLimitsPanel({ teamId, opened, close }: { teamId: string; opened: boolean; close: () => void }) {
  return (
    <SidePanel title={`Limits of ${teamId}, for all members together`} back={close} opened={opened}>
      {opened && <Editor teamId={teamId} close={close} />}
    </SidePanel>
  );
}

function Editor({ teamId, close }: { teamId: string; close: () => void }) {
  const { data, error, isFetchedAfterMount } = useTeamLimits(teamId);
  const queries = useQueryClient();
  const { notify } = useNotices();
  if (error !== null) return <ErrorMessage error={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={480} />;
  const { usage, ...limits } = data;
  const save = async (change: LimitsChange) => {
    await body(api.PUT("/admin/teams/{team_id}/limits", { params: { path: { team_id: teamId } }, body: change }));
    notify({ state: "good", text: `${teamId}, ${describeChange(change)}. In force at the members’ next request.` });
    void queries.invalidateQueries({ queryKey: TEAMS });
  };
  return <LimitsEditor limits={limits} usage={usage} save={save} onDone={close} />;
}
