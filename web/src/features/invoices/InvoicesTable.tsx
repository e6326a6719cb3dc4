import { Anchor, Text } from "@mantine/core";

import { type Invoice, isSettled, payerWords, type Source, titleOf, useInvoices } from "~/features/invoices/invoices";
import { InvoiceStatus } from "~/features/invoices/InvoiceStatus";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Name } from "~/ui/Name";
import { exactUsd } from "~/ui/format/money";
import { monthWords, utcDay } from "~/ui/format/times";

interface Props {
  source: Source;
  /** Where an invoice opens: below this path, by its id; without one, as a page to print, beside the pages. */
  base?: string;
  /** The cursor of the page that is shown; undefined: the list is a part of a page, and only its newest rows are shown. */
  after?: string;
}

/** Invoices, drafts first, then the newest. */
export function InvoicesTable({ source, base, after }: Props) {
  const { data, error, refetch } = useInvoices(source, after);
  if (error !== null) return <ErrorMessage error={error} onRetry={() => void refetch()} />;
  return (
    <>
      <DataTable
        label="Invoices"
        columns={columnsOf(source, base === undefined)}
        rows={data?.data}
        rowKey={({ id }) => id}
        {...(base !== undefined && { to: ({ id }: Invoice) => `${base}/${encodeURIComponent(id)}`, search: "" })}
        empty={<None filtered={source.kind === "all"} />}
      />
      {after !== undefined && data !== undefined && data.data.length > 0 && <Pager next={data.next} shown={source.kind === "all" ? "Newest first" : "Drafts, then the newest"} />}
    </>
  );
}

function None({ filtered }: { filtered: boolean }) {
  return (
    <Empty title={filtered ? "No invoices match" : "No invoices yet"}>
      <Text size="sm" c="dimmed">
        {filtered ? "None has all that the filters ask for." : "The first one begins with the first call that costs something."}
      </Text>
    </Empty>
  );
}

const TITLE: Column<Invoice> = { id: "number", label: "Invoice", cell: titleOf };
const PAYER: Column<Invoice> = { id: "payer", label: "Payer", grow: 1, narrow: "below", cell: ({ payer }) => <Name text={payerWords(payer)} /> };
const REST: Column<Invoice>[] = [
  { id: "total", label: "Total", numeric: true, narrow: "beside", cell: ({ total_usd: total }) => <span className="num">{exactUsd(total)}</span> },
  { id: "status", label: "Status", narrow: "below", cell: (invoice) => <InvoiceStatus of={invoice.status} settled={isSettled(invoice)} /> },
  { id: "month", label: "Month", narrow: "named", cell: ({ month }) => monthWords(month) },
  { id: "issued", label: "Issued", from: 700, cell: ({ issued_at: at }) => <Day of={at} /> },
  { id: "due", label: "Due", from: 700, cell: ({ due_at: at }) => <Day of={at} /> },
];
function columnsOf(source: Source, beside: boolean): Column<Invoice>[] {
  const title = beside && source.kind === "team" ? { ...TITLE, cell: (invoice: Invoice) => <Beside invoice={invoice} team={source.id} /> } : TITLE;
  return source.kind === "all" ? [title, PAYER, ...REST] : [title, ...REST];
}

function Beside({ invoice, team }: { invoice: Invoice; team: string }) {
  const href = `/admin/teams/${encodeURIComponent(team)}/invoices/${encodeURIComponent(invoice.id)}.html`;
  return (
    <Anchor href={href} target="_blank" rel="noopener" inherit>
      {titleOf(invoice)}
    </Anchor>
  );
}

function Day({ of }: { of: string | null }) {
  return of === null ? <span className="unit">–</span> : <time dateTime={of}>{utcDay(of.slice(0, 10), true)}</time>;
}
