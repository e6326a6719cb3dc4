import { Anchor, Button } from "@mantine/core";
import { Link } from "react-router";

import { type PersonUsage, useUsageByPerson } from "~/features/endUsers/usage";
import { useIsAdmin } from "~/features/session/session";
import { Count } from "~/ui/Count";
import { type Column, DataTable } from "~/ui/DataTable";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { mostPlaces } from "~/ui/format/money";
import { Money } from "~/ui/Money";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { paramsOf, type Period } from "~/ui/period";

import classes from "./EndUsers.module.css";

/** What was used in a period for each person whom a user's keys act for; nothing where there was none. */
export function EndUserUsage({ userId, period }: { userId: string; period: Period }) {
  const admin = useIsAdmin();
  const { data: rows = [], error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useUsageByPerson(userId, period);
  if (error !== null) {
    return (
      <Panel title="Use by person">
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      </Panel>
    );
  }
  if (rows.every(({ end_user_id: id }) => id === null)) return null;
  const callsOf = (id: string) => {
    const query = new URLSearchParams({ ...(admin && { user: userId }), end_user: id, ...paramsOf(period) });
    return `${admin ? "/admin" : ""}/calls?${query.toString()}`;
  };
  return (
    <Panel flush title="Use by person">
      <DataTable label="Use by person" columns={columnsOf(rows, callsOf)} rows={rows} rowKey={({ end_user_id: id }) => id ?? ""} empty={null} />
      {hasNextPage && (
        <div className={classes["foot"]}>
          <Button variant="subtle" color="gray" size="compact-xs" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </Panel>
  );
}

function columnsOf(rows: readonly PersonUsage[], callsOf: (id: string) => string): Column<PersonUsage>[] {
  const places = mostPlaces(rows.map(({ cost_usd: cost }) => cost));
  return [
    {
      id: "person",
      label: "Person",
      grow: 1,
      cell: ({ end_user_id: id, end_user_value: value }) =>
        id === null ? (
          <span className="unit">nobody named</span>
        ) : (
          <Anchor component={Link} to={callsOf(id)} inherit className={classes["person"] ?? ""}>
            <Name text={value ?? id} />
          </Anchor>
        ),
    },
    { id: "cost", label: "Spend", numeric: true, narrow: "beside", cell: ({ cost_usd: cost }) => <Money usd={cost} places={places} /> },
    { id: "requests", label: "Requests", numeric: true, narrow: "named", cell: ({ requests }) => <Count value={requests} of="requests" /> },
    { id: "input", label: "Input", numeric: true, narrow: "named", cell: ({ prompt_tokens: tokens }) => <Count value={tokens} of="tokens" /> },
    { id: "output", label: "Output", numeric: true, narrow: "named", cell: ({ completion_tokens: tokens }) => <Count value={tokens} of="tokens" /> },
  ];
}
