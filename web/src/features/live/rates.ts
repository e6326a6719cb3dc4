/** The points of the live feed as lines. Each value is the mean of ten seconds, as the rates beside the charts are. */
import type { Point } from "~/features/live/feed";
import type { ChartRow } from "~/ui/chart/geometry";
import { approximate } from "~/ui/format/money";
import { type Clock, UTC } from "~/ui/clock";
import { timeOfDay } from "~/ui/format/times";

/** Places in a chart: five minutes. */
export const SHOWN = 300;
/** Seconds. */
const MEAN_OF = 10;

export type Figure = (point: Point) => number;

export const requests: Figure = (point) => point.requests;
export const errors: Figure = (point) => point.errors;
export const tokens: Figure = (point) => point.tokens;
export const costPerMinute: Figure = (point) => approximate(point.cost_usd) * 60;

export function rows(series: readonly Point[], figures: readonly Figure[], clock: Clock, mean = true): ChartRow[] {
  const drawn = series.map((point, place): ChartRow => {
    const of = mean ? series.slice(Math.max(0, place + 1 - MEAN_OF), place + 1) : [point];
    const label = timeOfDay(new Date(point.at), clock);
    const [, minute, second] = label.split(":");
    return {
      id: point.at,
      label,
      tick: second === "00" && Number(minute) % 2 === 0 ? `${label.slice(0, 5)}${clock.zone === UTC.zone ? " UTC" : ""}` : "",
      values: figures.map((figure) => of.reduce((all, one) => all + figure(one), 0) / of.length),
    };
  });
  // Empty places before the first point: the line grows from the right, and nothing else moves.
  const missing = Array.from({ length: SHOWN - drawn.length }, (_, place): ChartRow => ({ id: `before ${place}`, label: "", tick: "", values: [] }));
  return [...missing, ...drawn];
}

/** Rows for the table: one for every ten seconds, newest first. */
export function tableRows(all: readonly ChartRow[]): ChartRow[] {
  return all.filter((row) => row.label.endsWith("0")).reverse();
}
