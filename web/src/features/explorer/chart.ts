/** The chart of a figure by time: series, places, and what a click on a place leads to. */
import type { Row, Timeline, Unit } from "~/features/explorer/explorer";
import { type Figure, figureRow } from "~/features/explorer/figures";
import { type Group, valueOf, valueWords } from "~/features/explorer/groups";
import type { ChartRow, Series } from "~/ui/chart/geometry";
import { utcDay } from "~/ui/format/times";
import type { Period } from "~/ui/period";

const REST = "var(--text-quiet)";
/** Sums of floats that should be nothing. */
const NOTHING = 1e-9;

export interface ChartData {
  kind: "columns" | "lines";
  series: Series[];
  rows: ChartRow[];
}

/** A day or an hour: its name in the API, and its words. */
export interface Place {
  name: string;
  label: string;
  /** Below the axis, where not every place has a label. */
  tick?: string;
  to?: string;
}

const UNIT_MS: Readonly<Record<Unit, number>> = { day: 86_400_000, hour: 3_600_000 };

/** The days or hours (UTC) of a period, up to now. */
export function placesOf(unit: Unit, { from, to }: Pick<Period, "from" | "to">, now: Date): Place[] {
  const step = UNIT_MS[unit];
  const end = Math.min(Date.parse(to), now.getTime());
  const manyDays = end - Date.parse(from) > UNIT_MS.day;
  const places: Place[] = [];
  for (let at = Math.floor(Date.parse(from) / step) * step; at < end; at += step) {
    const text = new Date(at).toISOString();
    const [day, time] = [text.slice(0, 10), text.slice(11, 16)];
    if (unit === "day") places.push({ name: day, label: utcDay(day) });
    else if (!manyDays) places.push({ name: text.replace(".000Z", "Z"), label: time });
    else places.push({ name: text.replace(".000Z", "Z"), label: `${utcDay(day)}, ${time}`, tick: time === "00:00" ? utcDay(day) : "" });
  }
  return places;
}

/** Stacked columns of what can be added up, with all other groups on top; lines of durations, which cannot. */
export function chartOf(timeline: Timeline, figure: Figure, places: readonly Place[], colorOf: (group: Group, value: string, rank: number) => string): ChartData {
  const { group, top, all, unit } = timeline;
  const { kind, read, label } = figureRow(figure);
  const lines = kind === "ms";
  const byPlace = (rows: readonly Row[]) => {
    const found = new Map(rows.map((row) => [valueOf(row, unit), read(row)]));
    return places.map(({ name }) => found.get(name) ?? (lines ? Number.NaN : 0));
  };
  const whole = byPlace(all);
  const parts = top.map(({ rows }) => byPlace(rows));
  const series: Series[] = top.map(({ value }, rank) => ({
    name: group === null ? value : valueWords(group, value),
    color: group === null ? REST : colorOf(group, value, rank),
  }));
  if (group === null) {
    series.push({ name: label, color: "var(--model-0)" });
    parts.push(whole);
  } else if (!lines) {
    const rest = whole.map((sum, at) => sum - parts.reduce((known, part) => known + (part[at] ?? 0), 0));
    if (rest.some((value) => Math.abs(value) > NOTHING)) {
      series.push({ name: "All others", color: REST });
      parts.push(rest.map((value) => (Math.abs(value) > NOTHING ? value : 0)));
    }
  }
  return {
    kind: lines ? "lines" : "columns",
    series,
    rows: places.map(({ name, label: words, tick, to }, at) => ({
      id: name,
      label: words,
      ...(tick !== undefined && { tick }),
      ...(to !== undefined && { to }),
      values: parts.map((part) => part[at] ?? 0),
    })),
  };
}

const RANKED = 7;

/** The colour of a group that has none of its own. */
export function rankColor(rank: number): string {
  return `var(--model-${rank % RANKED})`;
}
