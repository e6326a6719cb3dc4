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

/** From 0 to a round figure above all of them, with three or four ticks. */
export function heightScale(tops: readonly number[], height: number) {
  const top = Math.max(0, ...tops);
  return scaleLinear()
    .domain([0, top > 0 ? top : 1])
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
