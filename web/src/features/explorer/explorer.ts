/** What the API answers to the page's question. */
import { queryOptions, useQueries, useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";

import { api, body, type Schemas } from "~/api/client";
import { figureRow } from "~/features/explorer/figures";
import { canFilter, type Group, isTag, isTime, valueOf } from "~/features/explorer/groups";
import { apiFilters, apiQuery, type Filter, type Question, questionOf, type SummaryQuery } from "~/features/explorer/question";
import { useIsAdmin } from "~/features/session/session";
import { isOneDay, type Period, usePeriod } from "~/ui/period";

export type Summary = Schemas["Summary"];
export type Row = Schemas["SummaryRow"];
export type Compared = Schemas["ComparedFigures"];

/** The question that the address asks, of what period, and who asks. */
export interface Asked {
  question: Question;
  period: Period;
  params: URLSearchParams;
  admin: boolean;
}

export function useAsked(): Asked {
  const admin = useIsAdmin();
  const [params] = useSearchParams();
  return { question: questionOf(params, admin), period: usePeriod(), params, admin };
}

const summaryOf = (admin: boolean, query: SummaryQuery) =>
  queryOptions({
    queryKey: ["explorer", admin, query],
    // Rows of other groups have other names.
    placeholderData: (old: Summary | undefined, from?: { queryKey: readonly unknown[] }) => (groupsIn(from?.queryKey[2]) === query.group_by ? old : undefined),
    staleTime: 30_000,
    queryFn: () => body(admin ? api.GET("/admin/usage/summary", { params: { query } }) : api.GET("/v1/usage/summary", { params: { query } })),
  });

function groupsIn(query: unknown): string | undefined {
  return (query as SummaryQuery | undefined)?.group_by;
}

const ROWS = 50;

/** A page of the groups, each compared with the period before, and all of them together. */
export function useGroups({ question, period, admin }: Asked) {
  const after = question.after === null ? {} : { after: question.after };
  return useQuery(summaryOf(admin, { ...apiQuery(question, period), ...after, limit: ROWS }));
}

/** As many as the colours tell apart, beside the grey of all others. */
const TOP = 7;
const MOST_ROWS = 1000;

export type Unit = "day" | "hour";

/** What the places of the chart are: hours where the period is short, or where it is grouped by them. */
export function unitOf({ groups }: Question, period: Period): Unit {
  return isOneDay(period) || groups.includes("hour") ? "hour" : "day";
}

/** By time: everything, and the groups that have most of the chart's figure. */
export interface Timeline {
  unit: Unit;
  /** Null where the only group is time. */
  group: Group | null;
  all: readonly Row[];
  top: readonly { value: string; rows: readonly Row[] }[];
}

export function useTimeline({ question, period, admin }: Asked): { data: Timeline | undefined; error: Error | null } {
  const unit = unitOf(question, period);
  const group = question.groups.find((name) => !isTime(name)) ?? null;
  const span = { from: period.from, to: period.to };
  const byTime = (filters: readonly Filter[]) => summaryOf(admin, { ...span, group_by: unit, ...apiFilters(filters), limit: MOST_ROWS });
  // Of durations those are shown that count most, not the slowest of a single request.
  const order: SummaryQuery["order_by"] = figureRow(question.figure).kind === "ms" ? "-requests" : `-${question.figure}`;
  const all = useQuery(byTime(question.filters));
  const most = useQuery({
    ...summaryOf(admin, { ...span, group_by: group ?? unit, ...apiFilters(question.filters), order_by: order, limit: TOP }),
    enabled: group !== null,
  });
  const values = group === null ? [] : (most.data?.data ?? []).map((row) => valueOf(row, group)).filter((value) => canFilter(group, value));
  const top = useQueries({ queries: values.map((value) => byTime(withFilter(question.filters, group, value))) });
  const failed = [all, ...(group === null ? [] : [most]), ...top].find(({ error }) => error !== null);
  const waits = all.data === undefined || (group !== null && most.data === undefined) || top.some(({ data }) => data === undefined);
  return {
    error: failed?.error ?? null,
    data: waits
      ? undefined
      : { unit, group, all: all.data.data, top: values.map((value, at) => ({ value, rows: top[at]?.data?.data ?? [] })) },
  };
}

function withFilter(filters: readonly Filter[], group: Group | null, value: string): Filter[] {
  if (group === null || isTime(group)) return [...filters];
  return [...filters.filter(({ by }) => by !== group && !(isTag(by) && isTag(group))), { by: group, value }];
}

/** The values of a group that were used most in the period, to choose from. */
export function useValues(group: Group, { question, period, admin }: Asked, enabled: boolean): string[] {
  const others = question.filters.filter(({ by }) => by !== group);
  const query: SummaryQuery = { from: period.from, to: period.to, ...apiFilters(others), group_by: group, order_by: "-requests", limit: MOST_ROWS };
  const { data } = useQuery({ ...summaryOf(admin, query), enabled });
  return (data?.data ?? []).map((row) => valueOf(row, group)).filter((value) => value !== "");
}

const RECENT = 100;

/** The names of tags that the latest of these calls have. */
export function useTagNames({ question, period, admin }: Asked, enabled: boolean): string[] {
  const query = { from: period.from, to: period.to, ...apiFilters(question.filters), limit: RECENT };
  const { data } = useQuery({
    queryKey: ["explorer", "tags", admin, query],
    enabled,
    queryFn: () => body(admin ? api.GET("/admin/usage", { params: { query } }) : api.GET("/v1/usage", { params: { query } })),
  });
  return [...new Set((data?.data ?? []).flatMap(({ metadata }) => Object.keys(metadata ?? {})))].sort();
}
