import { Anchor } from "@mantine/core";
import { Link } from "react-router";

import { InvoiceFilters } from "~/features/invoices/InvoiceFilters";
import { InvoicesTable } from "~/features/invoices/InvoicesTable";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { useFilter } from "~/ui/urlState";

/** Everyone's invoices, by status, month and payer. */
export function Component() {
  const [status] = useFilter("status");
  const [month] = useFilter("month");
  const [user] = useFilter("user");
  const [team] = useFilter("team");
  const [after] = useFilter("after");
  return (
    <Page
      title="Invoices"
      above={
        <Anchor component={Link} to="/admin/billing" size="sm" underline="hover">
          Billing
        </Anchor>
      }
    >
      <Panel flush>
        <InvoiceFilters />
        <InvoicesTable source={{ kind: "all", status, month, user, team }} base="/admin/billing/invoices" after={after} />
      </Panel>
    </Page>
  );
}
