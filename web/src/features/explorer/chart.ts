/** The chart of a figure by time: series, places, and what a click on a place leads to. */
import type { Row, Timeline } from "~/features/explorer/explorer";
import { type Figure, figureRow } from "~/features/explorer/figures";
import { endOfUnit, type Group, type Unit, valueOf } from "~/features/explorer/groups";
import type { ChartRow, Series } from "~/ui/chart/geometry";
import { monthWords, utcDay } from "~/ui/format/times";
import { isOneDay, type Period } from "~/ui/period";

const REST = "var(--text-quiet)";
/** Sums of floats that should be nothing. */
const NOTHING = 1e-9;

export interface ChartData {
  kind: "columns" | "lines";
  series: Series[];
  rows: ChartRow[];
}

/** An hour, a day or a month: its name in the API (of a month: "2026-11"), and its words. */
export interface Place {
  name: string;
  label: string;
  /** Below the axis, where not every place has a label. */
  tick?: string;
}

/** What clicks on a place open: on the whole of it, and on the part of each of the groups that have most. */
export interface Targets {
  to: string;
  parts: readonly string[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The most places that can be told apart; the API answers for as many at once. */
const MOST_PLACES = 800;

/** What the places of the chart of a period are: the finest that are not too many, and no finer than what is grouped by. Durations cannot be
 * added up, as those of days would have to be for their month. */
export function unitOf(groups: readonly Group[], figure: Figure, period: Pick<Period, "from" | "to">): Unit {
  const length = Date.parse(period.to) - Date.parse(period.from);
  if (isOneDay(period) || (groups.includes("hour") && length <= (MOST_PLACES - 1) * HOUR_MS)) return "hour";
  return length <= (MOST_PLACES - 1) * DAY_MS || figureRow(figure).kind === "ms" ? "day" : "month";
}

/** The hours, days or months (UTC) of a period, up to now. */
export function placesOf(unit: Unit, { from, to }: Pick<Period, "from" | "to">, now: Date): Place[] {
  const end = Math.min(Date.parse(to), now.getTime());
  const manyDays = end - Date.parse(from) > DAY_MS;
  const years = from.slice(0, 4) !== new Date(end - 1).toISOString().slice(0, 4);
  const places: Place[] = [];
  for (let at = startOf(unit, Date.parse(from)); at < end; at = endOfUnit(unit, at)) {
    const text = new Date(at).toISOString();
    const [day, time] = [text.slice(0, 10), text.slice(11, 16)];
    if (unit === "month") places.push({ name: text.slice(0, 7), label: monthWords(text.slice(0, 7)) });
    else if (unit === "day") places.push({ name: day, label: years ? `${utcDay(day)} ${day.slice(0, 4)}` : utcDay(day) });
    else if (!manyDays) places.push({ name: text.replace(".000Z", "Z"), label: time });
    else places.push({ name: text.replace(".000Z", "Z"), label: `${utcDay(day)}, ${time}`, tick: time === "00:00" ? utcDay(day) : "" });
  }
  return places;
}

function startOf(unit: Unit, at: number): number {
  const day = new Date(at);
  if (unit === "month") return Date.UTC(day.getUTCFullYear(), day.getUTCMonth());
  const step = unit === "day" ? DAY_MS : HOUR_MS;
  return Math.floor(at / step) * step;
}

/** The name of the place that a row is in. */
function placeOf(row: Row, unit: Unit): string {
  return unit === "month" ? valueOf(row, "day").slice(0, 7) : valueOf(row, unit);
}

/** Stacked columns of what can be added up, with all other groups on top; lines of durations, which cannot. */
export function chartOf(
  timeline: Timeline,
  figure: Figure,
  places: readonly Place[],
  colorOf: (group: Group, value: string, rank: number) => string,
  targetsOf: (place: Place) => Targets,
): ChartData {
  const { group, top, all, unit } = timeline;
  const { kind, read, label } = figureRow(figure);
  const lines = kind === "ms";
  const byPlace = (rows: readonly Row[]) => {
    const found = new Map<string, number | null>();
    for (const row of rows) {
      const [place, value] = [placeOf(row, unit), read(row)];
      const known = found.get(place);
      // Several rows are in one place where it is a month, and those are of what can be added up.
      found.set(place, known == null || value === null ? value : known + value);
    }
    return places.map(({ name }) => found.get(name) ?? (lines ? Number.NaN : 0));
  };
  const whole = byPlace(all);
  const parts = top.map(({ rows }) => byPlace(rows));
  const series: Series[] = top.map(({ value, words }, rank) => ({
    name: words,
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
    rows: places.map((place, at) => {
      const { to, parts: targets } = targetsOf(place);
      return {
        id: place.name,
        label: place.label,
        ...(place.tick !== undefined && { tick: place.tick }),
        to,
        // What is of all others, or of no group, is the whole place's.
        parts: series.map((_, which) => targets[which] ?? to),
        values: parts.map((part) => part[at] ?? 0),
      };
    }),
  };
}

const RANKED = 7;

/** The colour of a group that has none of its own. */
export function rankColor(rank: number): string {
  return `var(--model-${rank % RANKED})`;
}
