import { SegmentedControl } from "@mantine/core";

import { draftPath, isSettled, type PayerMonth, payerWords, usePayers } from "~/features/invoices/invoices";
import { InvoiceStatus } from "~/features/invoices/InvoiceStatus";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { exactUsd, isZero, mostPlaces } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { Money } from "~/ui/Money";
import { Name } from "~/ui/Name";
import { useFilter } from "~/ui/urlState";

import classes from "./PayersTable.module.css";

const CHOICES = [
  { value: "", label: "All" },
  { value: "draft", label: "Drafts" },
  { value: "unpaid", label: "Unpaid" },
  { value: "paid", label: "Paid" },
];

/** Who used what in a month. A row opens the payer's invoice, or its draft. */
export function PayersTable({ month }: { month: string }) {
  const [status, setStatus] = useFilter("status");
  const [after] = useFilter("after");
  const { data, error, refetch } = usePayers(month, status, after);
  if (error !== null) return <ErrorMessage error={error} onRetry={() => void refetch()} />;
  return (
    <>
      <div className={classes["bar"]}>
        <SegmentedControl size="xs" aria-label="Which payers" value={status} data={CHOICES} onChange={setStatus} />
      </div>
      <DataTable
        label="Payers"
        columns={columnsOf(data?.data)}
        rows={data?.data}
        rowKey={payerWords}
        to={(row) => (row.invoice_id === null ? draftPath(month, row) : `/admin/billing/invoices/${encodeURIComponent(row.invoice_id)}`)}
        search=""
        empty={<Empty title={status === "" ? "Nobody used anything in this month" : "No payer is in this state"} />}
      />
      {data !== undefined && data.data.length > 0 && <Pager next={data.next} shown={`${count(data.data.length)} shown, teams and users by name`} />}
    </>
  );
}

function columnsOf(rows: readonly PayerMonth[] = []): Column<PayerMonth>[] {
  const places = { cost: mostPlaces(rows.map(({ cost_usd: cost }) => cost)), open: mostPlaces(rows.map(({ open_usd: open }) => open)) };
  return [
    { id: "payer", label: "Payer", grow: 1, cell: (payer) => <Name text={payerWords(payer)} /> },
    { id: "invoice", label: "Invoice", narrow: "named", cell: ({ number }) => number ?? <span className="unit">–</span> },
    { id: "status", label: "Status", narrow: "below", cell: ({ status, total_usd: total }) => <InvoiceStatus of={status ?? "draft"} settled={total !== null && isSettled({ total_usd: total })} /> },
    { id: "requests", label: "Calls", numeric: true, from: 700, cell: ({ requests }) => <span className="num">{count(requests)}</span> },
    { id: "cost", label: "Used", numeric: true, narrow: "beside", cell: ({ cost_usd: cost }) => <Money usd={cost} places={places.cost} /> },
    { id: "open", label: "Open", numeric: true, from: 700, cell: ({ open_usd: open }) => (isZero(open) ? <span className="unit">–</span> : <Money usd={open} places={places.open} />) },
    {
      id: "total",
      label: "Billed",
      numeric: true,
      narrow: "named",
      cell: ({ total_usd: total }) => (total === null ? <span className="unit">–</span> : <span className="num">{exactUsd(total)}</span>),
    },
  ];
}
