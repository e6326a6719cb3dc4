import { type Refusal, refusalWords, useRefusals } from "~/features/refusals/refusals";
import { Count } from "~/ui/Count";
import { type Column, DataTable } from "~/ui/DataTable";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Panel } from "~/ui/Panel";
import type { Period } from "~/ui/period";
import { RelativeTime } from "~/ui/Times";

const COLUMNS: Column<Refusal>[] = [
  {
    id: "reason",
    label: "Reason",
    grow: 1,
    wraps: true,
    cell: (row) => (
      <>
        {refusalWords(row)} <span className="unit">{row.status}</span>
      </>
    ),
  },
  { id: "count", label: "Requests", numeric: true, narrow: "beside", cell: (row) => <Count value={row.count} of="requests" /> },
  { id: "last", label: "Last", narrow: "named", cell: (row) => <RelativeTime at={row.last_at} /> },
];

/** Reasons, and how often each refused. */
export function RefusalsTable({ rows }: { rows: readonly Refusal[] }) {
  return <DataTable label="Refused requests" columns={COLUMNS} rows={rows} rowKey={({ status, code, limit }) => `${status} ${code} ${limit}`} empty={null} />;
}

/** Why requests were refused in the period: for admins everyone's or those of a user, for users their own; nothing where none was. */
export function RefusalsPanel({ period, userId }: { period: Period; userId?: string }) {
  const { data, error } = useRefusals(period, userId);
  if (error !== null) return <ErrorMessage error={error} />;
  if (data === undefined || data.length === 0) return null;
  return (
    <Panel title="Refused requests" flush>
      <RefusalsTable rows={data} />
    </Panel>
  );
}
