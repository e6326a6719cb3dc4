import { useParams } from "react-router";

import { InvoicePage } from "~/features/invoices/InvoicePage";
import { useDraft } from "~/features/invoices/invoices";
import { monthWords } from "~/ui/format/times";

/** What a payer's invoice of a month would be if it were issued now. */
export function Component() {
  const { month = "", kind, payer = "" } = useParams();
  const { data, error, refetch } = useDraft(month, kind === "team" ? "team" : "user", payer);
  const back = { to: `/admin/billing/months/${month}`, label: monthWords(month) };
  return <InvoicePage invoice={data} error={error} onRetry={() => void refetch()} own={false} back={back} />;
}
