import { Anchor, Badge, Button, Text } from "@mantine/core";
import { Link, useParams } from "react-router";

import { UserActions } from "~/pages/admin/users/UserActions";
import { ApiError } from "~/api/client";
import { CallsTable } from "~/parts/CallsTable";
import { Ago } from "~/parts/figures";
import { KeysTable } from "~/parts/KeysTable";
import { LimitMeters } from "~/parts/LimitMeters";
import { LimitsPanel } from "~/parts/LimitsPanel";
import { phrase } from "~/parts/limitWords";
import { Page } from "~/parts/Page";
import { usePanel, usePeriod } from "~/parts/period";
import { Empty, Fault, PageSkeleton } from "~/parts/states";
import { Status } from "~/parts/Status";
import { UsageCharts } from "~/parts/UsageCharts";
import { UsageTiles } from "~/parts/UsageTiles";
import { useUsage } from "~/parts/usage";
import { useLimits, useLiveUsers, type UserRow, useUser } from "~/parts/users";

import classes from "./users/User.module.css";

/** One user: what they use, what is left to them, and all that an admin can do for or against them. */
export function Component() {
  const { userId = "" } = useParams();
  const { data, error, refetch } = useUser(userId);
  useLiveUsers();
  if (error instanceof ApiError && error.status === 404) return <NotThere userId={userId} />;
  if (error !== null) return <Fault fault={error} again={() => void refetch()} />;
  return data === undefined ? <PageSkeleton /> : <OfUser user={data} />;
}

function OfUser({ user }: { user: UserRow }) {
  const { user_id: userId, name, status, role } = user;
  const [editing, setEditing] = usePanel("limits");
  const period = usePeriod();
  const usage = useUsage(period, { userId });
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
          <Status of={status} />
          {role === "admin" && <Badge color="gray">admin</Badge>}
        </>
      }
      above={<Back />}
      actions={<UserActions user={user} />}
      period
    >
      <p className={classes["facts"]}>
        {name !== null && <span>{userId}</span>}
        <span>
          made <Ago at={user.created_at} />
        </span>
        <span>
          last seen <Ago at={user.last_seen_at} />
        </span>
      </p>
      {usage.error === null ? <UsageTiles usage={usage.data} before={usage.before} period={period} /> : <Fault fault={usage.error} />}
      <div>
        <LimitMeters usage={user.usage} {...(status === "closed" ? {} : { actions: edit })} />
        <OtherLimits userId={userId} />
      </div>
      <UsageCharts usage={usage} period={period} calls="/admin/calls" user={userId} />
      <KeysTable userId={userId} title="Keys" />
      <section className={classes["calls"]} aria-labelledby="calls">
        <h2 id="calls">Calls</h2>
        <CallsTable userId={userId} />
      </section>
      <LimitsPanel userId={editing === "" ? "" : userId} close={() => setEditing("")} />
    </Page>
  );
}

/** Limits that no meter shows: on one request, and on which models. */
function OtherLimits({ userId }: { userId: string }) {
  const { data } = useLimits(userId);
  const size = data?.max_tokens_per_request ?? null;
  const allowed = data?.allowed_models ?? null;
  const words = [
    ...(size === null ? [] : [phrase("max_tokens_per_request", size)]),
    ...(allowed === null ? [] : [allowed.length === 0 ? "no model is allowed: every request is refused" : `models: only ${allowed.join(", ")}`]),
  ];
  return words.length === 0 ? null : <p className={classes["other"]}>Besides: {words.join("; ")}.</p>;
}

function Back() {
  return (
    <Anchor component={Link} to="/admin/users" size="sm" underline="hover">
      Users
    </Anchor>
  );
}

function NotThere({ userId }: { userId: string }) {
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
