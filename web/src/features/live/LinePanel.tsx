import { Link } from "react-router";

import type { Standing } from "~/features/live/feed";
import { type Line, lineOf } from "~/features/live/line";
import { type Column, DataTable } from "~/ui/DataTable";
import { FadeOnChange } from "~/ui/FadeOnChange";
import { count } from "~/ui/format/numbers";
import { wholeSeconds } from "~/ui/format/times";
import { Loading } from "~/ui/Loading";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";

import classes from "./LinePanel.module.css";

/** Which requests wait for a slot: at which upstream, whose, and how long. */
export function LinePanel({ tick }: { tick: Standing | null }) {
  const line = tick === null ? null : lineOf(tick);
  return (
    <Panel title="Waiting for a slot" flush>
      {line === null ? (
        <Loading height={120} />
      ) : (
        <>
          <p className={classes["summary"]}>{summary(line)}</p>
          <div className={classes["line"]}>
            <DataTable label="The line by upstream" columns={BY_UPSTREAM} rows={line.upstreams} rowKey={({ id }) => id} empty={<p className={classes["nobody"]}>No upstream is set up.</p>} />
            <DataTable label="The line by user" columns={BY_USER} rows={line.users} rowKey={({ id }) => id} empty={<p className={classes["nobody"]}>No user waits.</p>} />
          </div>
        </>
      )}
    </Panel>
  );
}

function summary({ waiting, oldestS }: Line): string {
  if (waiting === 0) return "No request waits.";
  const many = waiting === 1 ? "1 request waits" : `${count(waiting)} requests wait`;
  return oldestS === null ? `${many}.` : `${many}, the oldest for ${wholeSeconds(oldestS)}.`;
}

function figure(value: string) {
  return <FadeOnChange of={value}>{value}</FadeOnChange>;
}

const BY_UPSTREAM: Column<Line["upstreams"][number]>[] = [
  { id: "id", label: "Upstream", grow: 1, cell: ({ id }) => <Name text={id} /> },
  {
    id: "slots",
    label: "Slots taken",
    numeric: true,
    cell: ({ running, slots }) => (
      <>
        {figure(count(running))} <span className="unit">{slots === 0 ? "no bound" : `of ${count(slots)}`}</span>
      </>
    ),
  },
  { id: "waiting", label: "Waiting", numeric: true, cell: ({ waiting }) => figure(count(waiting)) },
  {
    id: "oldest",
    label: "Oldest wait",
    numeric: true,
    cell: ({ oldestS }) => (oldestS === null ? <span className="unit">–</span> : figure(wholeSeconds(oldestS))),
  },
];

const BY_USER: Column<Line["users"][number]>[] = [
  { id: "id", label: "User", grow: 1, cell: ({ id }) => <Link to={`/admin/users/${encodeURIComponent(id)}`}><Name text={id} /></Link> },
  { id: "waiting", label: "Waiting", numeric: true, cell: ({ waiting }) => figure(count(waiting)) },
];
