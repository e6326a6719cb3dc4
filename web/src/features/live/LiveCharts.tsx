import { useMemo } from "react";

import type { Point } from "~/features/live/feed";
import { costPerMinute, errors, type Figure, tableRows, requests, rows, tokens } from "~/features/live/rates";
import { Chart } from "~/ui/chart/Chart";
import { useClock, zoneNote } from "~/ui/clock";
import { usdTick } from "~/ui/format/money";
import { compact, rateParts } from "~/ui/format/numbers";
import { Loading } from "~/ui/Loading";

import classes from "./LiveCharts.module.css";

interface Spec {
  title: string;
  series: { name: string; color: string; of: Figure }[];
  write: (value: number) => string;
  /** False for what is counted at a moment, rather than during a second. */
  mean?: boolean;
}

// Two decimal places: the ticks of an axis are close together.
const perSecond = (value: number) => (value < 10 ? String(Math.round(value * 100) / 100) : rateParts(value).join(" ").trim());

const CHARTS: Spec[] = [
  {
    title: "Requests per second",
    series: [
      { name: "ended", color: "var(--meter-used)", of: requests },
      { name: "failed", color: "var(--bad)", of: errors },
    ],
    write: perSecond,
  },
  { title: "Tokens per second", series: [{ name: "tokens", color: "var(--meter-used)", of: tokens }], write: perSecond },
  { title: "Spend per minute", series: [{ name: "spend", color: "var(--meter-used)", of: costPerMinute }], write: usdTick },
  {
    title: "Requests in flight",
    series: [
      { name: "in flight", color: "var(--meter-used)", of: (point) => point.in_flight },
      { name: "in line", color: "var(--warn)", of: (point) => point.queued },
    ],
    write: (value) => compact(value),
    mean: false,
  },
];

const HEIGHT = 150;
const PANEL_HEIGHT = 224;

/** What happened in the last five minutes. */
export function LiveCharts({ series, waiting }: { series: readonly Point[]; waiting: boolean }) {
  return (
    <div className={classes["charts"]}>
      {CHARTS.map((spec) => (waiting ? <Loading key={spec.title} height={PANEL_HEIGHT} /> : <LiveChart key={spec.title} spec={spec} points={series} />))}
    </div>
  );
}

function LiveChart({ spec: { title, series, write, mean }, points }: { spec: Spec; points: readonly Point[] }) {
  const clock = useClock();
  const all = useMemo(() => rows(points, series.map((one) => one.of), clock, mean), [points, series, clock, mean]);
  return <Chart title={title} kind="lines" series={series} rows={all} tableRows={tableRows(all)} write={write} place={`Time${zoneNote(clock)}`} height={HEIGHT} />;
}
