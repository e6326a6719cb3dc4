import { Text } from "@mantine/core";
import { Navigate } from "react-router";

import { InvoicesTable } from "~/features/invoices/InvoicesTable";
import { LimitMeters } from "~/features/limits/LimitMeters";
import { useSession } from "~/features/session/session";
import { titleOf, useTeam } from "~/features/teams/teams";
import { useUsage } from "~/features/usage/usage";
import { UsageCharts } from "~/features/usage/UsageCharts";
import { UsageTiles } from "~/features/usage/UsageTiles";
import { MembersTable } from "~/features/users/MembersTable";
import { UserLimitsPanel } from "~/features/users/UserLimitsPanel";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { usePeriod } from "~/ui/period";
import { usePanel } from "~/ui/urlState";

/** The team of one of its admins: its members, what they use together, and what is left to them. */
export function Component() {
  const user = useSession().session?.user;
  if (user?.team == null || !user.team_admin) return <Navigate to="/home" replace />;
  return <TeamPage teamId={user.team} />;
}

function TeamPage({ teamId }: { teamId: string }) {
  const { data: team, error, refetch } = useTeam(teamId);
  const [limited, setLimited] = usePanel("member");
  const period = usePeriod();
  const usage = useUsage(period, { teamId });
  return (
    <Page title={team === undefined ? "Team" : `Team ${titleOf(team)}`} period>
      {usage.error === null ? <UsageTiles usage={usage.data} before={usage.before} period={period} /> : <ErrorMessage error={usage.error} />}
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : team === undefined ? (
        <Loading height={120} />
      ) : (
        <LimitMeters usage={team.usage} title="Limits of the team" />
      )}
      <Text size="sm" c="dimmed">
        All members share these limits. What you set for one of them may be at most the team’s.
      </Text>
      <UsageCharts usage={usage} period={period} />
      <MembersTable teamId={teamId} onLimits={setLimited} />
      <Panel title="Invoices of the team" flush>
        <InvoicesTable source={{ kind: "team", id: teamId }} />
      </Panel>
      <UserLimitsPanel userId={limited} close={() => setLimited("")} />
    </Page>
  );
}
