import { useParams } from "react-router";

import { InvoicePage } from "~/features/invoices/InvoicePage";
import { useInvoice } from "~/features/invoices/invoices";
import { monthWords } from "~/ui/format/times";

/** One invoice, with what an admin can do with it. */
export function Component() {
  const { invoiceId = "" } = useParams();
  const { data, error, refetch } = useInvoice(invoiceId, false);
  const back = data === undefined ? { to: "/admin/billing", label: "Billing" } : { to: `/admin/billing/months/${data.month}`, label: monthWords(data.month) };
  return <InvoicePage invoice={data} error={error} onRetry={() => void refetch()} own={false} back={back} />;
}
