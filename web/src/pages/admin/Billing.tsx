import { Anchor, Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { Link, useParams } from "react-router";

import { AddPrice } from "~/features/billing/AddPrice";
import { PriceHistory } from "~/features/billing/PriceHistory";
import { useAllPrices } from "~/features/billing/prices";
import { PricesTable } from "~/features/billing/PricesTable";
import { Unpriced } from "~/features/billing/Unpriced";
import { MonthsTable } from "~/features/invoices/MonthsTable";
import { useAllModels } from "~/features/models/models";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { SearchBox } from "~/ui/SearchBox";
import { useFilter } from "~/ui/urlState";

/** What was used and billed in each month, and what tokens cost: now, in the past and in the future. */
export function Component() {
  const { model } = useParams();
  const [adding, setAdding] = useFilter("add");
  const prices = useAllPrices();
  const models = useAllModels();
  const error = prices.error ?? models.error;
  return (
    <Page
      title="Billing"
      actions={
        <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAdding(model ?? NEW)}>
          Add a price
        </Button>
      }
    >
      <Panel
        title="Months"
        flush
        actions={
          <Anchor component={Link} to="/admin/billing/invoices" size="sm">
            All invoices
          </Anchor>
        }
      >
        <MonthsTable />
      </Panel>
      {error !== null && <ErrorMessage error={error} onRetry={() => void Promise.all([prices.refetch(), models.refetch()])} />}
      <Unpriced models={models.data ?? []} onAdd={setAdding} />
      <Panel title="Prices in force, per million tokens" flush actions={<SearchBox label="Search prices" />}>
        {error === null && <PricesTable prices={prices.data} models={models.data ?? []} selected={model} />}
      </Panel>
      {/* One at a time, so that Esc leads back from the form to the history. */}
      {model !== undefined && adding === "" && <PriceHistory model={model} onAdd={() => setAdding(model)} />}
      {adding !== "" && <AddPrice model={adding === NEW ? "" : adding} onClose={() => setAdding("")} />}
    </Page>
  );
}

/** In the URL: a price is being added for a model still to be named. No model has this name. */
const NEW = " ";
