import { Anchor, Text } from "@mantine/core";
import { Link, useParams } from "react-router";

import { ApiError } from "~/api/client";
import { useMonth } from "~/features/invoices/invoices";
import { MonthClose } from "~/features/invoices/MonthClose";
import { PayersTable } from "~/features/invoices/PayersTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { exactUsd } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { monthWords } from "~/ui/format/times";
import { Loading } from "~/ui/Loading";
import { Money } from "~/ui/Money";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { Tile, Tiles } from "~/ui/Tiles";

/** A month's bills, and the steps that close it. */
export function Component() {
  const { month = "" } = useParams();
  const { data, error, refetch } = useMonth(month);
  const above = (
    <Anchor component={Link} to="/admin/billing" size="sm" underline="hover">
      Billing
    </Anchor>
  );
  if (error instanceof ApiError && error.status === 422) {
    return (
      <Page title="No such month" above={above}>
        <Empty title={`${month} is not a month`}>
          <Text size="sm" c="dimmed">
            Months are written like 2026-10.
          </Text>
        </Empty>
      </Page>
    );
  }
  return (
    <Page title={monthWords(month)} above={above}>
      {error !== null && <ErrorMessage error={error} onRetry={() => void refetch()} />}
      {data !== undefined ? (
        <Tiles>
          <Tile label="Used">
            <Money usd={data.cost_usd} />
          </Tile>
          <Tile label="Billed">{exactUsd(data.total_usd)}</Tile>
          <Tile label="Open">
            <Money usd={data.open_usd} />
          </Tile>
          <Tile label="Payers">{count(data.payers)}</Tile>
        </Tiles>
      ) : (
        error === null && <Loading height={72} />
      )}
      <Panel title="Close the month">{data !== undefined ? <MonthClose month={data} /> : error === null && <Loading height={320} />}</Panel>
      <Panel title="Payers" flush>
        <PayersTable month={month} />
      </Panel>
    </Page>
  );
}
