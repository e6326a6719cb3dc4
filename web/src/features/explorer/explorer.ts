/** What the API answers to the page's question. */
import { queryOptions, useQueries, useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";
import { unitOf } from "~/features/explorer/chart";
import { figureRow } from "~/features/explorer/figures";
import { canFilter, type Group, isTag, isTime, rowWords, type Unit, valueOf } from "~/features/explorer/groups";
import { apiFilters, apiQuery, type Filter, type Question, questionOf, type SummaryQuery } from "~/features/explorer/question";
import { useIsAdmin } from "~/features/session/session";
import { type Period, usePeriod } from "~/ui/period";

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
    queryFn: () => readSummary(admin, query),
  });

function readSummary(admin: boolean, query: SummaryQuery): Promise<Summary> {
  return body(admin ? api.GET("/admin/usage/summary", { params: { query } }) : api.GET("/v1/usage/summary", { params: { query } }));
}

function groupsIn(query: unknown): string | undefined {
  return (query as SummaryQuery | undefined)?.group_by;
}

const ROWS = 50;

/** A page of the groups, each compared with the period before, and all of them together. */
export function useGroups({ question, period, admin }: Asked) {
  const after = question.after === null ? {} : { after: question.after };
  return useQuery(summaryOf(admin, { ...apiQuery(question, period), ...after, limit: ROWS }));
}

/** All rows, page by page: what was not read is not to look like nothing. */
const allOf = (admin: boolean, query: SummaryQuery) =>
  queryOptions({
    queryKey: ["explorer", "all", admin, query],
    staleTime: 30_000,
    queryFn: () => allPages<Row>((page) => readSummary(admin, { ...query, ...page })),
  });

/** As many as the colours tell apart, beside the grey of all others. */
const TOP = 7;

/** By time: everything, and the groups that have most of the chart's figure. */
export interface Timeline {
  unit: Unit;
  /** Null where the only group is time. */
  group: Group | null;
  all: readonly Row[];
  top: readonly { value: string; words: string; rows: readonly Row[] }[];
}

export function useTimeline({ question, period, admin }: Asked): { data: Timeline | undefined; error: Error | null } {
  const unit = unitOf(question.groups, question.figure, period);
  const by = unit === "month" ? "day" : unit;
  const group = question.groups.find((name) => !isTime(name)) ?? null;
  const span = { from: period.from, to: period.to };
  const byTime = (filters: readonly Filter[]) => allOf(admin, { ...span, group_by: by, ...apiFilters(filters) });
  // Of durations those are shown that count most, not the slowest of a single request.
  const order: SummaryQuery["order_by"] = figureRow(question.figure).kind === "ms" ? "-requests" : `-${question.figure}`;
  const all = useQuery(byTime(question.filters));
  const most = useQuery({
    ...summaryOf(admin, { ...span, group_by: group ?? by, ...apiFilters(question.filters), order_by: order, limit: TOP }),
    enabled: group !== null,
  });
  const shown = group === null ? [] : (most.data?.data ?? []).flatMap((row) => topOf(row, group));
  const top = useQueries({ queries: shown.map(({ value }) => byTime(withFilter(question.filters, group, value))) });
  const failed = [all, ...(group === null ? [] : [most]), ...top].find(({ error }) => error !== null);
  const waits = all.data === undefined || (group !== null && most.data === undefined) || top.some(({ data }) => data === undefined);
  return {
    error: failed?.error ?? null,
    data: waits ? undefined : { unit, group, all: all.data, top: shown.map((one, at) => ({ ...one, rows: top[at]?.data ?? [] })) },
  };
}

/** What a group is called, and what it is filtered by, where it can be. */
function topOf(row: Row, group: Group): { value: string; words: string }[] {
  const value = valueOf(row, group);
  return canFilter(group, value) ? [{ value, words: rowWords(row, group) }] : [];
}

function withFilter(filters: readonly Filter[], group: Group | null, value: string): Filter[] {
  if (group === null || isTime(group)) return [...filters];
  return [...filters.filter(({ by }) => by !== group && !(isTag(by) && isTag(group))), { by: group, value }];
}

const MOST_VALUES = 1000;

/** The values of a group that were used most in the period, to choose from, with their words. */
export function useValues(group: Group, { question, period, admin }: Asked, enabled: boolean): { value: string; words: string }[] {
  const others = question.filters.filter(({ by }) => by !== group);
  const query: SummaryQuery = { from: period.from, to: period.to, ...apiFilters(others), group_by: group, order_by: "-requests", limit: MOST_VALUES };
  const { data } = useQuery({ ...summaryOf(admin, query), enabled });
  return (data?.data ?? []).flatMap((row) => topOf(row, group)).filter(({ value }) => value !== "");
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
