import { Anchor, Badge, Button, Text } from "@mantine/core";
import { Link, useParams } from "react-router";

import { ApiError } from "~/api/client";
import { CallsTable } from "~/features/calls/CallsTable";
import { CreditPanel } from "~/features/invoices/Credit";
import { InvoicesTable } from "~/features/invoices/InvoicesTable";
import { EndUserUsage } from "~/features/endUsers/EndUserUsage";
import { EndUsersPanel } from "~/features/endUsers/EndUsersPanel";
import { explorerPath } from "~/features/explorer/links";
import { KeysTable } from "~/features/keys/KeysTable";
import { LimitMeters } from "~/features/limits/LimitMeters";
import { LiveState } from "~/features/live/LiveState";
import { UserTiles } from "~/features/usage/UserTiles";
import { useUserPage } from "~/pages/useUserPage";
import { RefusalsPanel } from "~/features/refusals/RefusalsPanel";
import { useUsage } from "~/features/usage/usage";
import { UsageCharts } from "~/features/usage/UsageCharts";
import { useLiveUsers } from "~/features/users/live";
import { IdentitiesPanel } from "~/features/users/IdentitiesPanel";
import { OtherLimits } from "~/features/users/OtherLimits";
import { UserActions } from "~/features/users/UserActions";
import { UserLimitsPanel } from "~/features/users/UserLimitsPanel";
import { type UserRow, useUser } from "~/features/users/users";
import { UserStatus } from "~/features/users/UserStatus";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading, PageSkeleton } from "~/ui/Loading";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { usePeriod } from "~/ui/period";
import { RelativeTime } from "~/ui/Times";
import { usePanel } from "~/ui/urlState";

import classes from "./User.module.css";

const NO_LIVE_FIGURES = new Error("The live figures of this user do not come. They are asked for again by themselves; they need the gateway to run, and to be reached.");

/** One user: what they use, what is left to them, and the actions on their account. */
export function Component() {
  const { userId = "" } = useParams();
  const { data, error, refetch } = useUser(userId);
  useLiveUsers();
  if (error instanceof ApiError && error.status === 404) return <UserNotFound userId={userId} />;
  if (error !== null) return <ErrorMessage error={error} onRetry={() => void refetch()} />;
  return data === undefined ? <PageSkeleton /> : <UserPage user={data} />;
}

function UserPage({ user }: { user: UserRow }) {
  const { user_id: userId, name, status, role, team } = user;
  const [editing, setEditing] = usePanel("limits");
  const period = usePeriod();
  const usage = useUsage(period, { userId }, true);
  const { held: reading, lost } = useUserPage(userId);
  const edit = (
    <Button variant="default" onClick={() => setEditing("1")}>
      Edit limits
    </Button>
  );
  return (
    <Page
      title={name ?? userId}
      aside={
        <>
          <UserStatus of={status} />
          {role === "admin" && <Badge color="gray">admin</Badge>}
          <LiveState at={reading?.at} lost={lost} />
        </>
      }
      above={<Back />}
      actions={<UserActions user={user} />}
      period
    >
      <p className={classes["facts"]}>
        {name !== null && <span>{userId}</span>}
        {team !== null && (
          <span>
            {user.team_admin ? "admin of team " : "in team "}
            <Anchor component={Link} to={`/admin/teams/${encodeURIComponent(team)}`} inherit>
              {team}
            </Anchor>
          </span>
        )}
        <span>
          made <RelativeTime at={user.created_at} />
        </span>
        <span>
          last seen <RelativeTime at={user.last_seen_at} />
        </span>
        <Anchor component={Link} to={explorerPath(true, "model", [{ by: "user", value: userId }], period)} inherit>
          Explore usage
        </Anchor>
      </p>
      {usage.error !== null && <ErrorMessage error={usage.error} />}
      {lost && reading === null ? <ErrorMessage error={NO_LIVE_FIGURES} /> : <UserTiles reading={reading} usage={usage} period={period} />}
      <div>
        {reading !== null || lost ? (
          <LimitMeters usage={reading?.usage ?? user.usage} {...(status === "closed" ? {} : { actions: edit })} />
        ) : (
          <Loading height={120} />
        )}
        <OtherLimits userId={userId} />
      </div>
      <UsageCharts usage={usage} period={period} calls="/admin/calls" filters={{ user: userId }} />
      <RefusalsPanel period={period} userId={userId} />
      <KeysTable userId={userId} title="Keys" />
      <Panel
        title="Invoices"
        flush
        actions={
          <Anchor component={Link} to={`/admin/billing/invoices?user=${encodeURIComponent(userId)}`} size="sm">
            All of them
          </Anchor>
        }
      >
        <InvoicesTable source={{ kind: "user", id: userId }} base="/admin/billing/invoices" />
      </Panel>
      <CreditPanel kind="user" id={userId} />
      <EndUserUsage userId={userId} period={period} />
      <EndUsersPanel userId={userId} />
      <IdentitiesPanel userId={userId} closed={status === "closed"} />
      <section className={classes["calls"]} aria-labelledby="calls">
        <h2 id="calls">Calls</h2>
        <CallsTable userId={userId} />
      </section>
      <UserLimitsPanel userId={editing === "" ? "" : userId} close={() => setEditing("")} />
    </Page>
  );
}

function Back() {
  return (
    <Anchor component={Link} to="/admin/users" size="sm" underline="hover">
      Users
    </Anchor>
  );
}

function UserNotFound({ userId }: { userId: string }) {
  return (
    <Page title="No such user" above={<Back />}>
      <Empty title={`There is no user ${userId}`}>
        <Text size="sm" c="dimmed">
          The link may be mistyped. Ids are for good: whoever was made is there still, closed or not.
        </Text>
      </Empty>
    </Page>
  );
}
