/** The data of a chart, and the geometry of its plot. */
import { nice, ticks } from "d3-array";

export interface Series {
  name: string;
  color: string;
}

/** One place on the x axis: its label, and a value for each series. */
export interface ChartRow {
  id: string;
  label: string;
  /** The label below this place, where not every place has one; "": none. */
  tick?: string;
  /** Empty where nothing is known: a line begins after it. NaN: nothing is known of that series. */
  values: readonly number[];
  /** The path that a click on this place opens. */
  to?: string;
  /** The paths that a click on the part of each series in it opens. */
  parts?: readonly string[];
}

export const PLOT = { top: 8, right: 8, bottom: 22 };

/** Where each part of a column begins and ends: positive values are stacked upward from 0, negative ones downward. */
export function stack(values: readonly number[]): [from: number, to: number][] {
  let above = 0;
  let below = 0;
  return values.map((value) => {
    if (value < 0) return [below, (below += value)];
    return [above, (above += value)];
  });
}

/** Where values are, in pixels from the top. */
export interface HeightScale {
  (value: number): number;
  domain: readonly [least: number, most: number];
  /** About so many round values, to write beside them. */
  ticks: (count: number) => number[];
}

/** The y axis: from 0, or the least value where that is negative, to a round value above all others. */
export function heightScale(ends: readonly number[], height: number): HeightScale {
  const most = Math.max(0, ...ends);
  const least = Math.min(0, ...ends);
  const [bottom, top] = nice(least, most > least ? most : 1, 4);
  const foot = height - PLOT.bottom;
  const place = (value: number) => foot - ((value - bottom) / (top - bottom)) * (foot - PLOT.top);
  return Object.assign(place, { domain: [bottom, top] as const, ticks: (count: number) => ticks(bottom, top, count) });
}

type Point = readonly [x: number, y: number];

/** The path of a line through points, as SVG writes it. Null: nothing is known there, and the line begins again after it. */
export function linePath(points: readonly (Point | null)[]): string {
  const draw = (point: Point | null, place: number) => {
    if (point === null) return "";
    const begins = points[place - 1] == null;
    // A line of no length, closed, is a dot.
    const alone = begins && points[place + 1] == null;
    return `${begins ? "M" : "L"}${point[0].toFixed(2)},${point[1].toFixed(2)}${alone ? "Z" : ""}`;
  };
  return points.map(draw).join("");
}

/** The width of the labels of the y axis, in pixels. */
export function axisWidth(labels: readonly string[]): number {
  return Math.max(36, ...labels.map((label) => label.length * 6.4 + 14));
}

/** The n for which every nth label of the x axis can be shown without touching its neighbour. */
export function labelEvery(places: number, room: number, labelWidth = 56): number {
  return Math.max(1, Math.ceil(places / Math.max(1, Math.floor(room / labelWidth))));
}

/** A label of the x axis: its text, and where it begins or ends or has its middle, in pixels. */
export interface AxisLabel {
  text: string;
  at: number;
  anchor: "start" | "middle" | "end";
}

/** The width of a character of a label, and the least gap between two labels, in pixels. */
const CHARACTER = 6.2;
const GAP = 8;
/** How much of a label's width is to the left of where it is. */
const BEFORE = { start: 0, middle: 0.5, end: 1 };

/** The labels that can be shown without touching each other; the last ones matter most. */
export function apart<Label extends AxisLabel>(labels: readonly Label[]): Label[] {
  let free = Infinity;
  return labels.reduceRight<Label[]>((shown, label) => {
    const width = label.text.length * CHARACTER;
    const left = label.at - width * BEFORE[label.anchor];
    if (left + width > free) return shown;
    free = left - GAP;
    return [label, ...shown];
  }, []);
}

/** A value in words, "–" where it is not known. */
export function written(value: number | undefined, write: (value: number) => string): string {
  return Number.isNaN(value) ? "–" : write(value ?? 0);
}

export function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
