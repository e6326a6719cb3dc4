import { useParams } from "react-router";

import { InvoicePage } from "~/features/invoices/InvoicePage";
import { useInvoice } from "~/features/invoices/invoices";

/** One of one's own invoices, to read and to print. */
export function Component() {
  const { invoiceId = "" } = useParams();
  const { data, error, refetch } = useInvoice(invoiceId, true);
  return <InvoicePage invoice={data} error={error} onRetry={() => void refetch()} own back={{ to: "/invoices", label: "Invoices" }} />;
}
