import { Anchor, Button } from "@mantine/core";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";

import { byCost, type PersonUsage, useEndUserNames } from "~/features/endUsers/usage";
import { useIsAdmin } from "~/features/session/session";
import { useSummary } from "~/features/usage/usage";
import { Count } from "~/ui/Count";
import { type Column, DataTable } from "~/ui/DataTable";
import { mostPlaces } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { Money } from "~/ui/Money";
import { Panel } from "~/ui/Panel";
import type { Period } from "~/ui/period";

import classes from "./EndUsers.module.css";

const ROWS = 20;

/** What was used in a period for each person whom a user's keys act for; nothing where there was none. */
export function EndUserUsage({ userId, period }: { userId: string; period: Period }) {
  const admin = useIsAdmin();
  const [shown, setShown] = useState(ROWS);
  const [params] = useSearchParams();
  const { data } = useSummary(period, "end_user", admin ? { userId } : {}, true);
  const all = byCost(data?.data ?? []);
  const rows = all.slice(0, shown);
  const names = useEndUserNames(userId, rows);
  if (all.every(({ end_user_id: id }) => id === null)) return null;
  const callsOf = (id: string) => {
    const query = new URLSearchParams(admin ? { user: userId, end_user: id } : { end_user: id });
    for (const name of ["period", "from", "to"]) if (params.has(name)) query.set(name, params.get(name) ?? "");
    return `${admin ? "/admin" : ""}/calls?${query.toString()}`;
  };
  return (
    <Panel flush title="Use by person">
      <DataTable label="Use by person" columns={columnsOf(rows, names, callsOf)} rows={rows} rowKey={({ end_user_id: id }) => id ?? ""} empty={null} />
      {all.length > shown && (
        <div className={classes["foot"]}>
          <Button variant="subtle" color="gray" size="compact-xs" onClick={() => setShown(shown + ROWS)}>
            Show more of {count(all.length)}
          </Button>
        </div>
      )}
    </Panel>
  );
}

function columnsOf(rows: readonly PersonUsage[], names: ReadonlyMap<string, string | null>, callsOf: (id: string) => string): Column<PersonUsage>[] {
  const places = mostPlaces(rows.map(({ cost_usd: cost }) => cost));
  return [
    {
      id: "person",
      label: "Person",
      cell: ({ end_user_id: id }) =>
        id === null ? (
          <span className="unit">nobody named</span>
        ) : (
          <Anchor component={Link} to={callsOf(id)} inherit className={classes["person"] ?? ""} title={names.get(id) ?? id}>
            {names.get(id) ?? id}
          </Anchor>
        ),
    },
    { id: "cost", label: "Spend", numeric: true, narrow: "beside", cell: ({ cost_usd: cost }) => <Money usd={cost} places={places} /> },
    { id: "requests", label: "Requests", numeric: true, narrow: "named", cell: ({ requests }) => <Count value={requests} of="requests" /> },
    { id: "input", label: "Input", numeric: true, narrow: "named", cell: ({ prompt_tokens: tokens }) => <Count value={tokens} of="tokens" /> },
    { id: "output", label: "Output", numeric: true, narrow: "named", cell: ({ completion_tokens: tokens }) => <Count value={tokens} of="tokens" /> },
  ];
}
