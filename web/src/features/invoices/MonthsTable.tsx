import { Text } from "@mantine/core";

import { type MonthSums, stateWords, useMonths } from "~/features/invoices/invoices";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { exactUsd, mostPlaces } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { monthWords } from "~/ui/format/times";
import { Money } from "~/ui/Money";

/** The last months: what was used, what is billed, and what is still open. */
export function MonthsTable() {
  const { data, error, refetch } = useMonths();
  if (error !== null) return <ErrorMessage error={error} onRetry={() => void refetch()} />;
  const rows = data?.data.filter(({ payers }) => payers > 0);
  return (
    <DataTable
      label="Months"
      columns={columnsOf(mostPlaces(rows?.map(({ cost_usd: cost }) => cost)))}
      rows={rows}
      rowKey={({ month }) => month}
      to={({ month }) => `/admin/billing/months/${month}`}
      search=""
      empty={<None />}
    />
  );
}

function None() {
  return (
    <Empty title="Nothing to bill yet">
      <Text size="sm" c="dimmed">
        Each month with calls stands here, from its first call on. When it has ended, it is closed from here.
      </Text>
    </Empty>
  );
}

const columnsOf = (places: number): Column<MonthSums>[] => [
  { id: "month", label: "Month", cell: ({ month }) => monthWords(month) },
  { id: "state", label: "State", narrow: "below", cell: (month) => stateWords(month) },
  { id: "payers", label: "Payers", numeric: true, narrow: "named", cell: ({ payers }) => <span className="num">{count(payers)}</span> },
  { id: "cost", label: "Used", numeric: true, narrow: "beside", cell: ({ cost_usd: cost }) => <Money usd={cost} places={places} /> },
  { id: "total", label: "Billed", numeric: true, narrow: "named", cell: ({ total_usd: total }) => <span className="num">{exactUsd(total)}</span> },
  { id: "unpaid", label: "Unpaid", numeric: true, narrow: "named", cell: ({ unpaid }) => <span className="num">{count(unpaid)}</span> },
];
