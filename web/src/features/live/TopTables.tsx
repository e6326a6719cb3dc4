import type { ReactNode } from "react";
import { Link } from "react-router";

import type { Standing } from "~/features/live/feed";
import { useModelColors } from "~/features/models/colors";
import { Count } from "~/ui/Count";
import { type Column, DataTable } from "~/ui/DataTable";
import { FadeOnChange } from "~/ui/FadeOnChange";
import { cents, mostPlaces } from "~/ui/format/money";
import { compact } from "~/ui/format/numbers";
import { Loading } from "~/ui/Loading";
import { Money } from "~/ui/Money";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";

import classes from "./TopTables.module.css";

type Top = Pick<Standing["users"][number], "requests" | "total_tokens" | "cost_usd" | "in_flight">;

/** In the feed, others follow who have requests in line. */
const TOP = 10;

/** The users and models that cost most today. */
export function TopTables({ tick }: { tick: Standing | null }) {
  const colorOf = useModelColors();
  return (
    <>
      <TopPanel
        title="Top users today"
        rows={tick?.users.slice(0, TOP)}
        keyOf={(user) => user.user_id}
        name={(user) => <Name text={user.user_id} />}
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
            <Name text={model.model} tail={14} />
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
      grow: 1,
      cell: (row) => (
        <Link to={{ pathname: to(row), search: search(row) }} className={classes["named"] ?? ""}>
          {name(row)}
        </Link>
      ),
    },
    { id: "cost", label: "Spend", numeric: true, cell: (row) => <FadeOnChange of={cents(row.cost_usd)}><Money usd={row.cost_usd} places={places} /></FadeOnChange> },
    { id: "tokens", label: "Tokens", numeric: true, cell: (row) => <FadeOnChange of={compact(row.total_tokens)}><Count value={row.total_tokens} of="tokens" /></FadeOnChange> },
    { id: "requests", label: "Calls", numeric: true, cell: (row) => <FadeOnChange of={compact(row.requests)}><Count value={row.requests} of="requests" /></FadeOnChange> },
    { id: "now", label: "Now", numeric: true, from: 360, cell: (row) => <FadeOnChange of={String(row.in_flight)}>{row.in_flight === 0 ? <span className="unit">–</span> : row.in_flight}</FadeOnChange> },
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
