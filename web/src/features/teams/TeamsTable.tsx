import { Text } from "@mantine/core";

import { TightestLimit } from "~/features/limits/TightestLimit";
import { TeamStatus } from "~/features/teams/TeamStatus";
import type { TeamRow } from "~/features/teams/teams";
import { Count } from "~/ui/Count";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { mostPlaces } from "~/ui/format/money";
import { Money } from "~/ui/Money";
import { Name } from "~/ui/Name";

/** Teams with what was used in each, and the limit that is nearest to its end. */
export function TeamsTable({ rows, filtered }: { rows: readonly TeamRow[] | undefined; filtered: boolean }) {
  return (
    <DataTable
      label="Teams"
      columns={columns(mostPlaces(rows?.map(({ month }) => month.cost_usd)))}
      rows={rows}
      rowKey={(team) => team.team_id}
      to={(team) => `/admin/teams/${encodeURIComponent(team.team_id)}`}
      search=""
      empty={
        filtered ? (
          <Empty title="No team matches">
            <Text size="sm" c="dimmed">
              None has this in its id or name.
            </Text>
          </Empty>
        ) : (
          <Empty title="No teams yet">
            <Text size="sm" c="dimmed">
              A team has members, limits that they share, and a bill. Make the first with “New team”, then choose it on the pages of its members.
            </Text>
          </Empty>
        )
      }
    />
  );
}

function columns(places: number): Column<TeamRow>[] {
  return [
    {
      id: "team",
      label: "Team",
      grow: 1,
      least: 180,
      cell: ({ team_id: id, name }) => <Name text={id} more={name} />,
    },
    { id: "status", label: "Status", narrow: "below", cell: ({ status }) => <TeamStatus of={status} /> },
    { id: "members", label: "Members", numeric: true, narrow: "named", cell: ({ members }) => <Count value={members} of="members" /> },
    { id: "cost", label: "Spend\nthis month (UTC)", numeric: true, narrow: "beside", cell: ({ month }) => <Money usd={month.cost_usd} places={places} /> },
    { id: "tokens", label: "Tokens\nthis month (UTC)", numeric: true, narrow: "named", cell: ({ month }) => <Count value={month.total_tokens} of="tokens" /> },
    { id: "requests", label: "Requests\nthis month (UTC)", numeric: true, from: 900, narrow: "named", cell: ({ month }) => <Count value={month.requests} of="requests" /> },
    { id: "limit", label: "Tightest limit", grow: 1, least: 172, narrow: "below", cell: ({ usage }) => <TightestLimit usage={usage} /> },
  ];
}
