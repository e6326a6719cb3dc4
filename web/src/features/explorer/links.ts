/** Where the explorer leads, and where other pages find it. */
import type { Asked, Row } from "~/features/explorer/explorer";
import type { Figure } from "~/features/explorer/figures";
import { type Group, isTag, isTime, valueOf } from "~/features/explorer/groups";
import { apiQuery, callsSearch, chosen, drilled, type Filter, narrow, type Question, spanOfTime, widen } from "~/features/explorer/question";

const root = (admin: boolean) => (admin ? "/admin" : "");

/** The page of usage, by a group, of the period that other pages' addresses have. */
export function explorerPath(admin: boolean, by: Group, filters: readonly Filter[] = [], search = ""): string {
  const next = new URLSearchParams();
  for (const [name, value] of new URLSearchParams(search)) if (OF_PERIOD.includes(name)) next.set(name, value);
  next.set("group_by", by);
  for (const filter of filters) narrow(next, filter.by, filter.value);
  return `${root(admin)}/usage?${next.toString()}`;
}

const OF_PERIOD = ["period", "from", "to"];

/** What a click on a group's value opens: the next question or, where none is left, the calls. */
export function drillTarget({ params, question, period, admin }: Asked, group: Group, value: string): string {
  const next = drilled(params, question, period, group, value, admin);
  if (next !== null) return `${root(admin)}/usage?${next.toString()}`;
  return `${root(admin)}/calls${callsSearch(chosen(params, [group], [value]) ?? params)}`;
}

/** What a click on a figure of a row opens: the calls that were counted, the errors by status, why requests were refused. */
export function figureTarget({ params, question, admin }: Asked, name: Figure, row: Row): string | null {
  const behind = chosen(params, question.groups, question.groups.map((group) => valueOf(row, group)));
  if (name === "refused") return row.refused === 0 || row.refused === null ? null : refusedTarget(params, question, row);
  if (behind === null) return null;
  if (name === "requests" && row.requests > 0) return `${root(admin)}/calls${callsSearch(behind)}`;
  if (name === "errors" && row.errors > 0 && !behind.has("status")) {
    for (const old of ["order_by", "figure"]) behind.delete(old);
    behind.set("group_by", "status");
    return `${root(admin)}/usage?${behind.toString()}`;
  }
  return null;
}

/** The same page with the panel of refusals over it: those of the row. */
function refusedTarget(params: URLSearchParams, question: Question, row: Row): string {
  const which = new URLSearchParams();
  for (const { by, value } of question.filters) if (!isTag(by)) which.set(by, value);
  for (const group of question.groups) {
    const value = valueOf(row, group);
    if (isTime(group)) for (const [name, at] of Object.entries(spanOfTime(group, value))) which.set(name, at);
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
