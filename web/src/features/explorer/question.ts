/** The question that the page asks, kept whole in its address: grouping, filters, order, the chart's figure and the page of the table.
 * The names of filters are those of the page of calls. */
import type { paths } from "~/api/schema";
import { STATUSES } from "~/features/calls/calls";
import { type Figure, isFigure } from "~/features/explorer/figures";
import {
  canFilter, type Dimension, dimensionsOf, encodedTag, endOfUnit, filterName, type Group, groupLabel, isGroup, isTag, isTime, isUnit, type TagGroup, type Unit,
  valueWords,
} from "~/features/explorer/groups";
import { isOneDay, paramsOf, type Period } from "~/ui/period";

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

/** Add a filter to the parameters. */
export function narrow(params: URLSearchParams, by: Filter["by"], value: string): void {
  params.delete("after");
  if (isTag(by)) params.set("tag", `${encodedTag(by)}:${value}`);
  else params.set(by, value);
}

/** The end of what has passed of a period: it is compared with as much of the one before. */
function passed({ from, to, before }: Period): string {
  // All of the one before: this one is over, or longer.
  if (before.to === from) return to;
  return new Date(Date.parse(from) + Date.parse(before.to) - Date.parse(before.from)).toISOString();
}

/** The parameters with one more filter: of times, with the part of the period that is in them. */
function narrowed(params: URLSearchParams, period: Span, group: Group | Unit, value: string): URLSearchParams {
  const next = new URLSearchParams(params);
  if (isUnit(group)) setSpan(next, spanOfTime(group, value, period));
  else narrow(next, group, value);
  return next;
}

/** Take a filter from the parameters. */
export function widen(params: URLSearchParams, { by }: Filter): void {
  params.delete(isTag(by) ? "tag" : by);
  params.delete("after");
}

const HOUR_MS = 3_600_000;

export type Span = Pick<Period, "from" | "to">;

/** The first moment of an hour, a day or a month of UTC, as the API names it (of a month: "2026-11"). */
function startOfUnit(unit: Unit, value: string): number {
  return Date.parse(unit === "month" ? `${value}-01T00:00:00Z` : unit === "day" ? `${value}T00:00:00Z` : value);
}

/** The part of a period that is in an hour, a day or a month: what was counted there. */
export function spanOfTime(unit: Unit, value: string, period: Span): Span {
  const from = startOfUnit(unit, value);
  const to = endOfUnit(unit, from);
  return {
    from: new Date(Math.max(from, Date.parse(period.from))).toISOString(),
    to: new Date(Math.min(to, Date.parse(period.to))).toISOString(),
  };
}

/** Set the period. */
export function setSpan(params: URLSearchParams, span: Span): void {
  params.delete("after");
  for (const [name, at] of Object.entries(paramsOf(span))) params.set(name, at);
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
  month: ["day"],
  day: ["hour"],
  hour: ["user", "model"],
};

/** A page of the explorer: its address, and what that asks. */
interface Here {
  params: URLSearchParams;
  question: Question;
  period: Span;
  admin: boolean;
}

/** Where a click leads: the parameters, and the moments that their period means on this page. */
export interface Chosen {
  params: URLSearchParams;
  period: Span;
}

/** What a click on a value leads to: that value as a filter, and grouped by what remains to be asked. `calls`: only they remain. */
export function drilled({ params, question, period, admin }: Here, group: Group | Unit, value: string): Chosen & { calls: boolean } {
  const next = narrowed(params, period, group, value);
  const left = isUnit(group) ? spanOfTime(group, value, period) : period;
  const rest = question.groups.filter((name) => name !== group && !(isTime(name) && isUnit(group)));
  const groups = rest.length > 0 ? rest : nextGroups(next, period, group, admin);
  const [first] = groups;
  if (first === undefined) return { params: next, period: left, calls: true };
  next.set("group_by", groups.join(","));
  if (isTime(first) && question.sort !== null) {
    // Times are read in their own order; the chart still shows what was looked for.
    next.delete("order_by");
    next.set("figure", question.figure);
  }
  return { params: next, period: left, calls: false };
}

/** What a click on the part of a group in an hour, a day or a month leads to. */
export function drilledBoth(here: Here, unit: Unit, at: string, group: Group, value: string): Chosen & { calls: boolean } {
  const [first = group, ...others] = here.question.groups.filter((name) => !isTime(name));
  const question: Question = { ...here.question, groups: [first, ...others] };
  const within = { ...here, question, params: narrowed(here.params, here.period, unit, at), period: spanOfTime(unit, at, here.period) };
  return drilled(within, group, value);
}

function nextGroups(params: URLSearchParams, period: Span, group: Group | Unit, admin: boolean): Group[] {
  const found = NEXT[isTag(group) ? "tag" : group]?.find((name) => {
    if (name === "time") return !isOneHour(period);
    return isGroup(name, admin) && !params.has(name) && !(name === "user" && params.has("key"));
  });
  if (found === undefined) return [];
  return [found === "time" ? (isOneDay(period) ? "hour" : "day") : found];
}

function isOneHour({ from, to }: Span): boolean {
  return Date.parse(to) - Date.parse(from) <= HOUR_MS;
}

const OF_THIS_PAGE = ["group_by", "order_by", "figure", "after", "refused"];

/** The calls behind a figure: the filters and the period, without what only this page has. The page of calls goes by the viewer's clock,
 * on which another "today" is meant: its period is that of this page, in moments. */
export function callsSearch({ params, period }: Chosen): string {
  const next = new URLSearchParams(params);
  for (const name of OF_THIS_PAGE) next.delete(name);
  setSpan(next, period);
  return `?${next.toString()}`;
}

/** The parameters with all groups of a row chosen, and what of the period is left. Null where one of them cannot be filtered by. */
export function chosen(params: URLSearchParams, period: Span, groups: readonly Group[], values: readonly string[]): Chosen | null {
  const found = { params, period };
  for (const [at, group] of groups.entries()) {
    const value = values[at] ?? "";
    // The hour says it, too.
    if (group === "day" && groups.includes("hour")) continue;
    if (!canFilter(group, value)) return null;
    found.params = narrowed(found.params, period, group, value);
    if (isTime(group)) found.period = spanOfTime(group, value, period);
  }
  return found;
}
