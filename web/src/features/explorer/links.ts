/** Where the explorer leads, and where other pages find it. */
import type { Asked, Row } from "~/features/explorer/explorer";
import type { Figure } from "~/features/explorer/figures";
import { type Group, isTag, isTime, type Unit, valueOf } from "~/features/explorer/groups";
import {
  apiQuery, callsSearch, chosen, type Chosen, drilled, drilledBoth, type Filter, narrow, type Question, setSpan, type Span, spanOfTime, widen,
} from "~/features/explorer/question";

const root = (admin: boolean) => (admin ? "/admin" : "");

/** The page of usage, by a group. `period`: that of the page which leads there, whose clock may be another. */
export function explorerPath(admin: boolean, by: Group, filters: readonly Filter[] = [], period?: Span): string {
  const next = new URLSearchParams({ group_by: by });
  for (const filter of filters) narrow(next, filter.by, filter.value);
  if (period !== undefined) setSpan(next, period);
  return usagePath(admin, next);
}

const usagePath = (admin: boolean, params: URLSearchParams) => `${root(admin)}/usage?${params.toString()}`;

const callsPath = (admin: boolean, which: Chosen) => `${root(admin)}/calls${callsSearch(which)}`;

/** What a click on a group's value, or on a place of the chart, opens: the next question or, where none is left, the calls. */
export function drillTarget(asked: Asked, group: Group | Unit, value: string): string {
  return targetOf(asked, drilled(asked, group, value));
}

/** What a click on the part of a group in a place of the chart opens. */
export function partTarget(asked: Asked, unit: Unit, at: string, group: Group, value: string): string {
  return targetOf(asked, drilledBoth(asked, unit, at, group, value));
}

function targetOf({ admin }: Asked, found: ReturnType<typeof drilled>): string {
  return found.calls ? callsPath(admin, found) : usagePath(admin, found.params);
}

/** What a click on a figure of a row opens: the calls that were counted, the errors by status, why requests were refused. */
export function figureTarget({ params, question, period, admin }: Asked, name: Figure, row: Row): string | null {
  if (name === "refused") return row.refused === 0 || row.refused === null ? null : refusedTarget(params, question, period, row);
  const behind = chosen(params, period, question.groups, question.groups.map((group) => valueOf(row, group)));
  if (behind === null) return null;
  if (name === "requests" && row.requests > 0) return callsPath(admin, behind);
  if (name === "errors" && row.errors > 0 && !behind.params.has("status")) {
    const next = new URLSearchParams(behind.params);
    for (const old of ["order_by", "figure"]) next.delete(old);
    next.set("group_by", "status");
    return usagePath(admin, next);
  }
  return null;
}

/** The same page with the panel of refusals over it: those of the row. */
function refusedTarget(params: URLSearchParams, question: Question, period: Span, row: Row): string {
  const which = new URLSearchParams();
  for (const { by, value } of question.filters) if (!isTag(by)) which.set(by, value);
  for (const group of question.groups) {
    const value = valueOf(row, group);
    if (isTime(group)) for (const [name, at] of Object.entries(spanOfTime(group, value, period))) which.set(name, at);
    else if (!isTag(group)) which.set(group, value);
  }
  const next = new URLSearchParams(params);
  next.set("refused", which.toString());
  return `?${next.toString()}`;
}

export function clearFilters(params: URLSearchParams, { filters }: Question): void {
  for (const filter of filters) widen(params, filter);
}

/** The address of all rows as a CSV file. */
export function csvHref({ question, period, admin }: Asked): string {
  const query = new URLSearchParams(Object.entries(apiQuery(question, period)).map(([name, value]) => [name, String(value)]));
  return `${admin ? "/admin/usage" : "/v1/usage"}/summary.csv?${query.toString()}`;
}
