import { Badge, Button, Text } from "@mantine/core";

import { TightestLimit } from "~/features/limits/TightestLimit";
import { useIsAdmin } from "~/features/session/session";
import { UserStatus } from "~/features/users/UserStatus";
import { type UserRow, useMembers } from "~/features/users/users";
import { Count } from "~/ui/Count";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { mostPlaces } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { Money } from "~/ui/Money";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { RelativeTime } from "~/ui/Times";
import { useFilter } from "~/ui/urlState";


const ROWS = 50;

/** The users in a team. Admins open their pages; an admin of the team edits the limits of those who are no admins. */
export function MembersTable({ teamId, onLimits }: { teamId: string; onLimits: (userId: string) => void }) {
  const admin = useIsAdmin();
  const [after] = useFilter("after");
  const { data, error, refetch } = useMembers(teamId, { limit: ROWS, ...(after === "" ? {} : { after }) });
  if (error !== null) return <ErrorMessage error={error} onRetry={() => void refetch()} />;
  return (
    <Panel title="Members" flush>
      <DataTable
        label="Members"
        columns={columns(mostPlaces(data?.data.map(({ month }) => month.cost_usd)), admin, onLimits)}
        rows={data?.data}
        rowKey={(user) => user.user_id}
        {...(admin ? { to: (user: UserRow) => `/admin/users/${encodeURIComponent(user.user_id)}`, search: "" } : {})}
        empty={
          <Empty title="No members yet">
            <Text size="sm" c="dimmed">
              {admin ? "Choose this team on a user’s page, under “Name, team, role, password”." : "An admin moves users into the team."}
            </Text>
          </Empty>
        }
      />
      {data !== undefined && data.total > 0 && (
        <Pager next={data.next} shown={data.data.length === data.total ? `${count(data.total)} in all` : `${count(data.data.length)} of ${count(data.total)}`} />
      )}
    </Panel>
  );
}

function columns(places: number, admin: boolean, onLimits: (userId: string) => void): Column<UserRow>[] {
  return [
    {
      id: "user",
      label: "User",
      grow: 1,
      least: 180,
      cell: ({ user_id: id, name, role, team_admin: leads }) => (
        <Name text={id} more={name} aside={(role === "admin" || leads) && <Badge color="gray">{role === "admin" ? "admin" : "team admin"}</Badge>} />
      ),
    },
    { id: "status", label: "Status", narrow: "below", cell: ({ status }) => <UserStatus of={status} /> },
    { id: "cost", label: "Spend\nthis month (UTC)", numeric: true, narrow: "beside", cell: ({ month }) => <Money usd={month.cost_usd} places={places} /> },
    { id: "tokens", label: "Tokens\nthis month (UTC)", numeric: true, from: 900, narrow: "named", cell: ({ month }) => <Count value={month.total_tokens} of="tokens" /> },
    { id: "limit", label: "Tightest limit", grow: 1, least: 172, narrow: "below", cell: ({ usage }) => <TightestLimit usage={usage} /> },
    { id: "seen", label: "Last seen", numeric: true, narrow: "named", cell: ({ last_seen_at: at }) => <RelativeTime at={at} /> },
    {
      id: "limits",
      label: "Limits",
      quiet: true,
      numeric: true,
      narrow: "below",
      cell: (user) =>
        (admin || (!user.team_admin && user.role !== "admin")) && (
          <Button variant="default" size="compact-xs" aria-label={`Edit the limits of ${user.user_id}`} onClick={() => onLimits(user.user_id)}>
            Limits
          </Button>
        ),
    },
  ];
}
