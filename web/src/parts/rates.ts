/** The live feed's points as lines: each place is the mean of the ten seconds up to it, as the rates beside them are. */
import type { ChartRow } from "~/parts/chart";
import { roughly } from "~/parts/format";
import type { Point } from "~/parts/live";

export const SHOWN = 300;
const MEAN_OF = 10;

export type Figure = (point: Point) => number;

export const requests: Figure = (point) => point.requests;
export const errors: Figure = (point) => point.errors;
export const tokens: Figure = (point) => point.tokens;
export const costPerMinute: Figure = (point) => roughly(point.cost_usd) * 60;

export function rows(series: readonly Point[], figures: readonly Figure[], mean = true): ChartRow[] {
  const drawn = series.map((point, place): ChartRow => {
    const of = mean ? series.slice(Math.max(0, place + 1 - MEAN_OF), place + 1) : [point];
    const label = clock(point.at);
    const [, minute, second] = label.split(":");
    return {
      id: point.at,
      label,
      tick: second === "00" && Number(minute) % 2 === 0 ? label.slice(0, 5) : "",
      values: figures.map((figure) => of.reduce((all, one) => all + figure(one), 0) / of.length),
    };
  });
  // Before the first there was nothing to see; the line grows from the right, and the rest does not move.
  const missing = Array.from({ length: SHOWN - drawn.length }, (_, place): ChartRow => ({ id: `before ${place}`, label: "", tick: "", values: [] }));
  return [...missing, ...drawn];
}

/** Rows for a table: one for every ten seconds, the newest first. */
export function figuresOf(all: readonly ChartRow[]): ChartRow[] {
  return all.filter((row) => row.label.endsWith("0")).reverse();
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function clock(at: string): string {
  return CLOCK.format(new Date(at));
}
