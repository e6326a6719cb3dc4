/** The question that the page asks, kept whole in its address: grouping, filters, order, the chart's figure and the page of the table.
 * The names of filters are those of the page of calls. */
import type { paths } from "~/api/schema";
import { STATUSES } from "~/features/calls/calls";
import { type Figure, isFigure } from "~/features/explorer/figures";
import {
  canFilter, type Dimension, dimensionsOf, encodedTag, filterName, type Group, groupLabel, isGroup, isTag, isTime, type TagGroup, valueWords,
} from "~/features/explorer/groups";
import { isOneDay, type Period } from "~/ui/period";

export interface Filter {
  by: Dimension | TagGroup;
  /** "": requests that have none. */
  value: string;
}

export interface Question {
  /** One or two. */
  groups: readonly [Group, ...Group[]];
  filters: readonly Filter[];
  /** Null: by the groups themselves. */
  sort: { by: Figure; order: "asc" | "desc" } | null;
  /** What the chart shows. */
  figure: Figure;
  after: string | null;
}

const MOST_GROUPS = 2;
const DEFAULT_FIGURE: Figure = "cost_usd";

export function questionOf(params: URLSearchParams, admin: boolean): Question {
  const groups = groupsIn(params.get("group_by") ?? "", admin);
  const sort = sortOf(params.get("order_by") ?? "", groups[0]);
  const figure = params.get("figure") ?? "";
  return {
    groups,
    filters: filtersIn(params, admin),
    sort,
    figure: isFigure(figure) ? figure : (sort?.by ?? DEFAULT_FIGURE),
    after: params.get("after"),
  };
}

function groupsIn(text: string, admin: boolean): Question["groups"] {
  const [first, ...others] = [...new Set(text.split(","))].filter((name) => isGroup(name, admin));
  if (first === undefined) return [admin ? "user" : "model"];
  // The API groups by one tag at most.
  return [first, ...others.filter((name) => !(isTag(first) && isTag(name))).slice(0, MOST_GROUPS - 1)];
}

/** By cost, unless the groups are times, which have an order of their own. */
function sortOf(text: string, first: Group): Question["sort"] {
  const by = text.replace(/^-/, "");
  if (isFigure(by)) return { by, order: text.startsWith("-") ? "desc" : "asc" };
  return isTime(first) ? null : { by: DEFAULT_FIGURE, order: "desc" };
}

function filtersIn(params: URLSearchParams, admin: boolean): Filter[] {
  const filters: Filter[] = [];
  for (const by of dimensionsOf(admin)) {
    const value = params.get(by);
    if (value !== null && canFilter(by, value) && (by !== "status" || Object.hasOwn(STATUSES, value))) filters.push({ by, value });
  }
  const tag = params.get("tag") ?? "";
  const at = tag.indexOf(":");
  if (at > 0) filters.push({ by: `tag:${tag.slice(0, at)}`, value: tag.slice(at + 1) });
  return filters;
}

/** A filter in words: "User", "ann". */
export function filterWords({ by, value }: Filter): { label: string; value: string } {
  return { label: groupLabel(by), value: valueWords(by, value) };
}

export type SummaryQuery = NonNullable<paths["/admin/usage/summary"]["get"]["parameters"]["query"]>;
type ApiFilters = Pick<SummaryQuery, "user_id" | "team" | "key_id" | "model" | "upstream" | "endpoint" | "status" | "end_user" | "tag">;

/** The filters by their names in the API. */
export function apiFilters(filters: readonly Filter[]): ApiFilters {
  return Object.fromEntries(filters.map(({ by, value }) => (isTag(by) ? ["tag", `${encodedTag(by)}:${value}`] : [filterName(by), value])));
}

/** The question as the API asks it, without its page: with what there was of the period by now, and as much of the one before. */
export function apiQuery(question: Question, period: Period): SummaryQuery {
  const { groups, filters, sort } = question;
  return {
    from: period.from,
    to: passed(period),
    compare: true,
    compare_from: period.before.from,
    group_by: groups.join(","),
    ...apiFilters(filters),
    ...(sort !== null && { order_by: `${sort.order === "desc" ? "-" : ""}${sort.by}` }),
  };
}

/** Add a filter to the parameters: of times, by their period. */
export function narrow(params: URLSearchParams, group: Group, value: string): void {
  params.delete("after");
  if (isTime(group)) setSpan(params, spanOfTime(group, value));
  else if (isTag(group)) params.set("tag", `${encodedTag(group)}:${value}`);
  else params.set(group, value);
}

/** The end of what has passed of a period: it is compared with as much of the one before. */
function passed({ from, to, before }: Period): string {
  // All of the one before: this one is over, or longer.
  if (before.to === from) return to;
  return new Date(Date.parse(from) + Date.parse(before.to) - Date.parse(before.from)).toISOString();
}

/** The parameters with one more filter. */
function narrowed(params: URLSearchParams, group: Group, value: string): URLSearchParams {
  const next = new URLSearchParams(params);
  narrow(next, group, value);
  return next;
}

/** Take a filter from the parameters. */
export function widen(params: URLSearchParams, { by }: Filter): void {
  params.delete(isTag(by) ? "tag" : by);
  params.delete("after");
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The moments of a day or an hour of UTC, as the API names it. */
export function spanOfTime(group: "day" | "hour", value: string): { from: string; to: string } {
  const from = Date.parse(group === "day" ? `${value}T00:00:00Z` : value);
  return { from: new Date(from).toISOString(), to: new Date(from + (group === "day" ? DAY_MS : HOUR_MS)).toISOString() };
}

function setSpan(params: URLSearchParams, { from, to }: { from: string; to: string }): void {
  params.set("period", "custom");
  params.set("from", minuteOf(from));
  params.set("to", minuteOf(to));
}

/** "2026-11-20T13:00Z" */
function minuteOf(at: string): string {
  return `${at.slice(0, 16)}Z`;
}

/** Where a group leads: the first of these that is not yet one value. `time` is the day, or the hour where the period is a day. */
const NEXT: Readonly<Record<string, readonly (Group | "time")[]>> = {
  team: ["user", "model", "time"],
  user: ["model", "time"],
  key: ["model", "time"],
  end_user: ["model", "time"],
  model: ["user", "time"],
  upstream: ["model", "user", "time"],
  endpoint: ["model", "user", "time"],
  status: ["model", "user", "time"],
  tag: ["user", "model", "time"],
  day: ["hour"],
  hour: ["user", "model"],
};

/** The parameters that a click on a group's value leads to: that value as a filter, and grouped by what remains to be asked. Null where
 * only calls remain. */
export function drilled(params: URLSearchParams, question: Question, period: Period, group: Group, value: string, admin: boolean): URLSearchParams | null {
  const next = narrowed(params, group, value);
  const rest = question.groups.filter((name) => name !== group && !(isTime(name) && isTime(group)));
  const groups = rest.length > 0 ? rest : nextGroups(next, period, group, admin);
  const [first] = groups;
  if (first === undefined) return null;
  next.set("group_by", groups.join(","));
  if (isTime(first) && question.sort !== null) {
    // Times are read in their own order; the chart still shows what was looked for.
    next.delete("order_by");
    next.set("figure", question.figure);
  }
  return next;
}

function nextGroups(params: URLSearchParams, period: Period, group: Group, admin: boolean): Group[] {
  const found = NEXT[isTag(group) ? "tag" : group]?.find((name) => {
    if (name === "time") return !isOneHour(period);
    return isGroup(name, admin) && !params.has(name) && !(name === "user" && params.has("key"));
  });
  if (found === undefined) return [];
  return [found === "time" ? (isOneDay(period) ? "hour" : "day") : found];
}

function isOneHour({ from, to }: Period): boolean {
  return Date.parse(to) - Date.parse(from) <= HOUR_MS;
}

const OF_THIS_PAGE = ["group_by", "order_by", "figure", "after", "refused"];

/** The calls behind a figure: the filters and the period, without what only this page has. */
export function callsSearch(params: URLSearchParams): string {
  const next = new URLSearchParams(params);
  for (const name of OF_THIS_PAGE) next.delete(name);
  return `?${next.toString()}`;
}

/** The parameters with all groups of a row chosen. Null where one of them cannot be filtered by. */
export function chosen(params: URLSearchParams, groups: readonly Group[], values: readonly string[]): URLSearchParams | null {
  let next = params;
  for (const [at, group] of groups.entries()) {
    const value = values[at] ?? "";
    // The hour says it, too.
    if (group === "day" && groups.includes("hour")) continue;
    if (!canFilter(group, value)) return null;
    next = narrowed(next, group, value);
  }
  return next;
}
