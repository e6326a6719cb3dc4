import { OwnCredit } from "~/features/invoices/Credit";
import { InvoicesTable } from "~/features/invoices/InvoicesTable";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { useFilter } from "~/ui/urlState";

/** One's own invoices, this month's draft first. */
export function Component() {
  const [after] = useFilter("after");
  return (
    <Page title="Invoices">
      <Panel flush>
        <InvoicesTable source={{ kind: "own" }} base="/invoices" after={after} />
      </Panel>
      <OwnCredit />
    </Page>
  );
}
