import type { ReactNode } from "react";
import { Link } from "react-router";

import { type Column, DataTable } from "~/parts/DataTable";
import { Fading } from "~/parts/Fading";
import { Count, Money, Tokens } from "~/parts/figures";
import { cents, compact, mostPlaces } from "~/parts/format";
import type { Standing } from "~/parts/live";
import { useModelColors } from "~/parts/modelColor";
import { Panel } from "~/parts/Page";
import { Loading } from "~/parts/states";

import classes from "./Overview.module.css";

type Top = Pick<Standing["users"][number], "requests" | "total_tokens" | "cost_usd" | "in_flight">;

/** Who and what today's use is of, by cost, then by requests. */
export function Tops({ tick }: { tick: Standing | null }) {
  const colorOf = useModelColors();
  return (
    <>
      <TopPanel
        title="Top users today"
        rows={tick?.users}
        keyOf={(user) => user.user_id}
        name={(user) => user.user_id}
        to={(user) => `/admin/users/${encodeURIComponent(user.user_id)}`}
        head="User"
        nobody="No one has sent a request today."
      />
      <TopPanel
        title="Top models today"
        rows={tick?.models}
        keyOf={(model) => model.model}
        name={(model) => (
          <>
            <span className={classes["dot"]} style={{ background: colorOf(model.model) }} />
            <span className={classes["cut"]}>{model.model}</span>
          </>
        )}
        to={() => "/admin/calls"}
        search={(model) => `?${new URLSearchParams({ period: "today", model: model.model }).toString()}`}
        head="Model"
        nobody="No model was used today."
      />
    </>
  );
}

interface TopProps<Row extends Top> {
  title: string;
  head: string;
  rows: readonly Row[] | undefined;
  keyOf: (row: Row) => string;
  name: (row: Row) => ReactNode;
  to: (row: Row) => string;
  search?: (row: Row) => string;
  nobody: string;
}

function TopPanel<Row extends Top>({ title, head, rows, keyOf, name, to, search = () => "", nobody }: TopProps<Row>) {
  const places = mostPlaces(rows?.map((row) => row.cost_usd));
  const columns: Column<Row>[] = [
    {
      id: "name",
      label: head,
      cell: (row) => (
        <Link to={{ pathname: to(row), search: search(row) }} className={classes["named"] ?? ""} title={keyOf(row)}>
          {name(row)}
        </Link>
      ),
    },
    { id: "cost", label: "Spend", numeric: true, cell: (row) => <Live of={cents(row.cost_usd)} shown={<Money usd={row.cost_usd} places={places} />} /> },
    { id: "tokens", label: "Tokens", numeric: true, cell: (row) => <Live of={compact(row.total_tokens).join()} shown={<Tokens value={row.total_tokens} />} /> },
    { id: "requests", label: "Calls", numeric: true, cell: (row) => <Live of={compact(row.requests).join()} shown={<Count value={row.requests} of="requests" />} /> },
    { id: "now", label: "Now", numeric: true, from: 700, cell: (row) => <Live of={String(row.in_flight)} shown={row.in_flight === 0 ? <span className="unit">–</span> : row.in_flight} /> },
  ];
  return (
    <Panel title={title} flush>
      <div className={classes["list"]}>
        {rows === undefined ? (
          <Loading height={236} />
        ) : (
          <DataTable label={title} columns={columns} rows={rows} rowKey={keyOf} empty={<p className={classes["nobody"]}>{nobody}</p>} />
        )}
      </div>
    </Panel>
  );
}

function Live({ of, shown }: { of: string; shown: ReactNode }) {
  return <Fading of={of}>{shown}</Fading>;
}
