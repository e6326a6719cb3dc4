import { useMemo } from "react";

import { Chart } from "~/parts/Chart";
import { compact, rate } from "~/parts/format";
import type { Point } from "~/parts/live";
import { costPerMinute, errors, type Figure, figuresOf, requests, rows, tokens } from "~/parts/rates";
import { Loading } from "~/parts/states";
import { usdTick } from "~/parts/UsageCharts";

import classes from "./Overview.module.css";

interface Drawn {
  title: string;
  series: { name: string; color: string; of: Figure }[];
  write: (value: number) => string;
  /** False: what a moment held, not what came in a second. */
  mean?: boolean;
}

// Ticks lie closer together than the figures of tiles do.
const perSecond = (value: number) => (value < 10 ? String(Math.round(value * 100) / 100) : rate(value).join(" ").trim());

const CHARTS: Drawn[] = [
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
    series: [{ name: "in flight", color: "var(--meter-used)", of: (point) => point.in_flight }],
    write: (value) => compact(value).join(" ").trim(),
    mean: false,
  },
];

const HEIGHT = 150;
const PANEL_HEIGHT = 224;

/** The last five minutes. */
export function LiveCharts({ series, waiting }: { series: readonly Point[]; waiting: boolean }) {
  return (
    <div className={classes["charts"]}>
      {CHARTS.map((drawn) => (waiting ? <Loading key={drawn.title} height={PANEL_HEIGHT} /> : <LiveChart key={drawn.title} drawn={drawn} points={series} />))}
    </div>
  );
}

function LiveChart({ drawn: { title, series, write, mean }, points }: { drawn: Drawn; points: readonly Point[] }) {
  const all = useMemo(() => rows(points, series.map((one) => one.of), mean), [points, series, mean]);
  return <Chart title={title} kind="lines" series={series} rows={all} figures={figuresOf(all)} write={write} place="Local time" height={HEIGHT} />;
}
