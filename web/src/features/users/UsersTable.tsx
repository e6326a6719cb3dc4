import { ActionIcon, Badge, Button, Text, Tooltip } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";

import { readingsOf } from "~/features/limits/readings";
import { TightestLimit } from "~/features/limits/TightestLimit";
import { useSession } from "~/features/session/session";
import { useUserChanges } from "~/features/users/changes";
import { QuickLimits } from "~/features/users/QuickLimits";
import { FILTERS } from "~/features/users/UserFilters";
import { UserStatus } from "~/features/users/UserStatus";
import type { UserRow } from "~/features/users/users";
import { Sparkline } from "~/ui/chart/Sparkline";
import { Count } from "~/ui/Count";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { FadeOnChange } from "~/ui/FadeOnChange";
import { cents, mostPlaces } from "~/ui/format/money";
import { compact, count } from "~/ui/format/numbers";
import { Money } from "~/ui/Money";
import { Name } from "~/ui/Name";
import { type Selection, selectionBoxes } from "~/ui/Selection";
import { RelativeTime } from "~/ui/Times";
import { useChangeParams } from "~/ui/urlState";

import classes from "./UsersTable.module.css";

interface Props {
  rows: readonly UserRow[] | undefined;
  filtered: boolean;
  sort: { by: string; order: string; onSort: (by: string) => void };
  /** The period of the figures: "this month". */
  span: string;
  onLimits: (userId: string) => void;
  selection: Selection<UserRow>;
}

/** Users with what they use and what is left to them. */
export function UsersTable({ rows, filtered, sort, span, onLimits, selection }: Props) {
  const { setStatus } = useUserChanges();
  return (
    <DataTable
      label="Users"
      columns={columns(span, mostPlaces(rows?.map((row) => usedOf(row).cost_usd)), onLimits, (user) => void setStatus(user, user.status === "active" ? "suspended" : "active"))}
      rows={rows}
      rowKey={(user) => user.user_id}
      to={(user) => `/admin/users/${encodeURIComponent(user.user_id)}`}
      search=""
      sort={sort}
      select={selectionBoxes(rows ?? [], selection)}
      empty={filtered ? <NoMatch /> : <NoUsers />}
    />
  );
}

/** What a user used in the period that was asked for, or else this month. */
function usedOf({ period, month }: UserRow) {
  return period ?? month;
}

function columns(span: string, places: number, onLimits: (userId: string) => void, onToggle: (user: UserRow) => void): Column<UserRow>[] {
  return [
    {
      id: "user",
      label: "User",
      sort: "user_id",
      grow: 3,
      least: 180,
      cell: ({ user_id: id, name, role }) => <Name text={id} more={name} aside={role === "admin" && <Badge color="gray">admin</Badge>} />,
    },
    { id: "status", label: "Status", narrow: "below", cell: ({ status }) => <UserStatus of={status} /> },
    {
      id: "cost",
      label: `Spend\n${span}`,
      sort: "cost",
      numeric: true,
      narrow: "beside",
      cell: (user) => (
        <FadeOnChange of={cents(usedOf(user).cost_usd)}>
          <Money usd={usedOf(user).cost_usd} places={places} />
        </FadeOnChange>
      ),
    },
    {
      id: "tokens",
      label: `Tokens\n${span}`,
      sort: "tokens",
      numeric: true,
      from: 780,
      narrow: "named",
      cell: (user) => (
        <FadeOnChange of={compact(usedOf(user).total_tokens)}>
          <Count value={usedOf(user).total_tokens} of="tokens" />
        </FadeOnChange>
      ),
    },
    {
      id: "requests",
      label: `Requests\n${span}`,
      sort: "requests",
      numeric: true,
      from: 900,
      narrow: "named",
      cell: (user) => (
        <FadeOnChange of={compact(usedOf(user).requests)}>
          <Count value={usedOf(user).requests} of="requests" />
        </FadeOnChange>
      ),
    },
    {
      id: "limit",
      label: "Tightest limit",
      grow: 4,
      least: 172,
      narrow: "below",
      cell: (user) => (
        <TightestLimit usage={user.usage}>
          {user.status !== "closed" && <QuickLimits userId={user.user_id} name={readingsOf(user.usage)[0]?.[0]} onAll={() => onLimits(user.user_id)} />}
        </TightestLimit>
      ),
    },
    {
      id: "week",
      label: "7 days",
      from: 1000,
      cell: ({ week }) => <Sparkline values={week.map((day) => day.total_tokens)} label={`Tokens of the last 7 days (UTC): ${week.map((day) => count(day.total_tokens)).join(", ")}`} />,
    },
    { id: "seen", label: "Last seen", sort: "last_seen", numeric: true, narrow: "named", cell: ({ last_seen_at: at }) => <RelativeTime at={at} /> },
    { id: "actions", label: "Suspend or activate", quiet: true, numeric: true, narrow: "beside", cell: (user) => <Toggle user={user} onToggle={onToggle} /> },
  ];
}

/** Suspends or activates a user. */
function Toggle({ user, onToggle }: { user: UserRow; onToggle: (user: UserRow) => void }) {
  const { session } = useSession();
  // Admins may not lock themselves out.
  if (user.status === "closed" || user.user_id === session?.user.user_id) return null;
  const active = user.status === "active";
  const words = active ? `Suspend ${user.user_id}` : `Activate ${user.user_id}`;
  return (
    <Tooltip label={active ? "Suspend: stops what runs, refuses what comes" : "Activate"}>
      <ActionIcon className={classes["action"] ?? ""} variant="default" size={26} aria-label={words} onClick={() => onToggle(user)}>
        {active ? <IconPlayerPause size={14} /> : <IconPlayerPlay size={14} />}
      </ActionIcon>
    </Tooltip>
  );
}

function NoMatch() {
  const changeParams = useChangeParams();
  const clear = () => {
    changeParams((next) => {
      for (const name of [...FILTERS, "after"]) next.delete(name);
    });
  };
  return (
    <Empty title="No user matches">
      <Text size="sm" c="dimmed">
        Nobody has this in their id or name, with this status and role.
      </Text>
      <div>
        <Button variant="default" onClick={clear}>
          Show everyone
        </Button>
      </div>
    </Empty>
  );
}

function NoUsers() {
  return (
    <Empty title="No users yet">
      <Text size="sm" c="dimmed">
        Each user has keys, limits and a bill of their own. Make the first with “New user”; their key is shown once.
      </Text>
    </Empty>
  );
}
