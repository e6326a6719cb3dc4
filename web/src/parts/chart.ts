/** What charts are drawn from, and the geometry they have in common. */
import { scaleLinear } from "d3-scale";

export interface Series {
  name: string;
  color: string;
}

/** One place on the x axis: what it is called, and a figure for each series. */
export interface ChartRow {
  id: string;
  label: string;
  /** What stands below this place, where not every place is named; "": nothing. */
  tick?: string;
  /** Empty where nothing is known of it: a line begins after it. */
  values: readonly number[];
  /** Where a click leads: the calls behind this place. */
  to?: string;
}

export const PLOT = { top: 8, right: 8, bottom: 22 };

/** Where each part of a column begins and ends: what is more than nothing on what was before it, what is less hangs below 0. */
export function stack(values: readonly number[]): [from: number, to: number][] {
  let above = 0;
  let below = 0;
  return values.map((value) => {
    if (value < 0) return [below, (below += value)];
    return [above, (above += value)];
  });
}

/** From 0, or less where a figure is, to a round figure above all of them, with three or four ticks. */
export function heightScale(ends: readonly number[], height: number) {
  const top = Math.max(0, ...ends);
  const bottom = Math.min(0, ...ends);
  return scaleLinear()
    .domain([bottom, top > bottom ? top : 1])
    .nice(4)
    .range([height - PLOT.bottom, PLOT.top]);
}

/** Room at the left for the labels of the y axis, in pixels. */
export function leftOf(labels: readonly string[]): number {
  return Math.max(36, ...labels.map((label) => label.length * 6.4 + 14));
}

/** Which labels of the x axis are shown, so that none touches its neighbour: every nth, the last among them. */
export function labelEvery(places: number, room: number, labelWidth = 56): number {
  return Math.max(1, Math.ceil(places / Math.max(1, Math.floor(room / labelWidth))));
}
