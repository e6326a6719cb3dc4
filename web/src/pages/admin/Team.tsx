import { Anchor, Button, Text } from "@mantine/core";
import { Link, useParams } from "react-router";

import { ApiError } from "~/api/client";
import { CreditPanel } from "~/features/invoices/Credit";
import { InvoicesTable } from "~/features/invoices/InvoicesTable";
import { LimitMeters } from "~/features/limits/LimitMeters";
import { TeamActions } from "~/features/teams/TeamActions";
import { TeamLimitsPanel } from "~/features/teams/TeamLimitsPanel";
import { TeamStatus } from "~/features/teams/TeamStatus";
import { type TeamRow, titleOf, useTeam } from "~/features/teams/teams";
import { useUsage } from "~/features/usage/usage";
import { UsageCharts } from "~/features/usage/UsageCharts";
import { UsageTiles } from "~/features/usage/UsageTiles";
import { MembersTable } from "~/features/users/MembersTable";
import { UserLimitsPanel } from "~/features/users/UserLimitsPanel";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { PageSkeleton } from "~/ui/Loading";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { usePeriod } from "~/ui/period";
import { RelativeTime } from "~/ui/Times";
import { usePanel } from "~/ui/urlState";

import classes from "./User.module.css";

/** One team: its members, what they use together, and what is left to them. */
export function Component() {
  const { teamId = "" } = useParams();
  const { data, error, refetch } = useTeam(teamId);
  if (error instanceof ApiError && error.status === 404) return <NoTeam teamId={teamId} />;
  if (error !== null) return <ErrorMessage error={error} onRetry={() => void refetch()} />;
  return data === undefined ? <PageSkeleton /> : <TeamPage team={data} />;
}

function TeamPage({ team }: { team: TeamRow }) {
  const { team_id: teamId, name, status } = team;
  const [editing, setEditing] = usePanel("limits");
  const [limited, setLimited] = usePanel("member");
  const period = usePeriod();
  const usage = useUsage(period, { teamId });
  const edit = (
    <Button variant="default" onClick={() => setEditing("1")}>
      Edit limits
    </Button>
  );
  return (
    <Page title={titleOf(team)} aside={<TeamStatus of={status} />} above={<Back />} actions={<TeamActions team={team} />} period>
      <p className={classes["facts"]}>
        {name !== null && <span>{teamId}</span>}
        <span>
          made <RelativeTime at={team.created_at} />
        </span>
        <Anchor component={Link} to={`/admin/calls?team=${encodeURIComponent(teamId)}`} inherit>
          Calls
        </Anchor>
      </p>
      {usage.error === null ? <UsageTiles usage={usage.data} before={usage.before} period={period} /> : <ErrorMessage error={usage.error} />}
      <LimitMeters usage={team.usage} {...(status === "closed" ? {} : { actions: edit })} />
      <UsageCharts usage={usage} period={period} calls="/admin/calls" filters={{ team: teamId }} />
      <Panel title="Invoices" flush>
        <InvoicesTable source={{ kind: "team", id: teamId }} base="/admin/billing/invoices" />
      </Panel>
      <CreditPanel kind="team" id={teamId} />
      <MembersTable teamId={teamId} onLimits={setLimited} />
      <TeamLimitsPanel teamId={teamId} opened={editing !== ""} close={() => setEditing("")} />
      <UserLimitsPanel userId={limited} close={() => setLimited("")} />
    </Page>
  );
}

function Back() {
  return (
    <Anchor component={Link} to="/admin/teams" size="sm" underline="hover">
      Teams
    </Anchor>
  );
}

function NoTeam({ teamId }: { teamId: string }) {
  return (
    <Page title="No such team" above={<Back />}>
      <Empty title={`There is no team ${teamId}`}>
        <Text size="sm" c="dimmed">
          The link may be mistyped. Ids are for good: whichever team was made is there still, closed or not.
        </Text>
      </Empty>
    </Page>
  );
}
