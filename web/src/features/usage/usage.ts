/** What was used in a period, by day and model and in total: by oneself, by one user, in one team, or by everyone. */
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";
import { useIsAdmin } from "~/features/session/session";
import { useClock, UTC } from "~/ui/clock";
import { type Column, columnAt, columnsOf, haveWholeHours, isOneDay, type Period, stepOf } from "~/ui/period";

export type Summary = Schemas["Summary"];
export type SummaryRow = Schemas["SummaryRow"];

export interface Usage {
  data: Summary | undefined;
  /** The days of the period, or its hours where it is one day, each with what was used in it by model. */
  columns: UsageColumn[] | undefined;
  /** The sums of the period that it is compared with. */
  before: Schemas["Sums"] | undefined;
  error: Error | null;
}

/** `rows` has one or more rows for each model. */
export interface UsageColumn extends Column {
  rows: readonly SummaryRow[];
}

/** The sums of today and this month at a moment, as a live feed has them. */
interface Pushed {
  at: string;
  today: Schemas["Sums"];
  month: Schemas["Sums"];
}

/** Of a live feed, the sums of a period that is today or this month (UTC); null for others. */
export function pushedTotal({ from, to }: { from: string; to: string }, { at, today, month }: Pushed): Schemas["Sums"] | null {
  const now = new Date(at);
  const [year, of, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const is = (begin: number, end: number) => Date.parse(from) === begin && Date.parse(to) === end;
  if (is(Date.UTC(year, of, day), Date.UTC(year, of, day + 1))) return today;
  return is(Date.UTC(year, of), Date.UTC(year, of + 1)) ? month : null;
}

/** Whose usage: one user's, or one team's. */
export interface Whose {
  userId?: string;
  teamId?: string;
}

/** The first part of the keys of queries of usage. */
export const SUMMARY = "summary";
/** Of those about days that are over, which a live feed does not change. */
const PAST = "past summary";

/** For admins: everyone's, one user's, or one team's, which its own admins may see, too. For users: their own. `pushed`: the page
 * follows a live feed, and reads it again when that says so. */
export function useUsage(period: Period, whose: Whose = {}, pushed = false): Usage {
  const admin = useIsAdmin();
  const clock = useClock();
  const empty = useMemo(() => columnsOf(period, clock, new Date()), [period, clock]);
  // The API has sums by the hour. Where one of its hours is in two days of the page's clock, each day is asked for by itself; and so are
  // months, which would be thousands of its rows.
  const apart = stepOf(period) === "month" || !haveWholeHours(empty);
  const byHour = isOneDay(period) || clock.zone !== UTC.zone;
  const now = useSummary(period, apart ? "model" : byHour ? "hour,model" : "day,model", whose, pushed);
  const before = useSummary(period.before, "model", whose, pushed);
  const each = useQueries({ queries: apart ? empty.map((column) => ({ ...summaryOf(column, "model", whose, admin, isOver(column) ? PAST : SUMMARY), ...freshness(column) })) : [] });
  return {
    data: now.data,
    columns: apart ? joined(empty, each.map(({ data }) => data)) : now.data && partedInto(empty, now.data.data),
    before: before.data?.total,
    error: now.error ?? before.error ?? each.find(({ error }) => error !== null)?.error ?? null,
  };
}

/** All rows of a summary: for groups of hundreds, such as the models of each day. */
export function useSummary(span: { from: string; to: string }, groupBy: string, whose: Whose = {}, pushed = false) {
  const admin = useIsAdmin();
  return useQuery({ ...summaryOf(span, groupBy, whose, admin), placeholderData: keepPreviousData, refetchInterval: pushed ? false : FRESH_MS });
}

const FRESH_MS = 30_000;
/** What is over changes by late records alone. */
const OVER_MS = 600_000;

function isOver({ to }: Column): boolean {
  return Date.parse(to) <= Date.now();
}

function freshness(column: Column) {
  return isOver(column) ? { staleTime: OVER_MS } : { refetchInterval: FRESH_MS };
}

function summaryOf({ from, to }: { from: string; to: string }, groupBy: string, whose: Whose, admin: boolean, kind = SUMMARY) {
  const query = { from, to, group_by: groupBy };
  return {
    queryKey: [kind, admin, whose, query],
    queryFn: async () => {
      let first: Summary | undefined;
      const data = await allPages(async (page) => {
        const answer = await body(readSummary(admin, whose, { ...query, ...page }));
        first ??= answer;
        return answer;
      });
      return first === undefined ? undefined : { ...first, data };
    },
  };
}

/** Columns with the answers for each of them; nothing before all have come. */
function joined(columns: readonly Column[], answers: readonly (Summary | undefined)[]): UsageColumn[] | undefined {
  const found = columns.flatMap((column, place) => {
    const rows = answers[place]?.data;
    return rows === undefined ? [] : [{ ...column, rows }];
  });
  return found.length === columns.length ? found : undefined;
}

/** Columns with the rows, by hour or by day, that are in each of them. */
function partedInto(columns: readonly Column[], rows: readonly SummaryRow[]): UsageColumn[] {
  const parts: SummaryRow[][] = columns.map(() => []);
  const [first] = columns;
  for (const row of rows) {
    // The period may begin within its first hour.
    const at = Math.max(Date.parse(row.hour ?? row.day ?? ""), Date.parse(first?.from ?? ""));
    parts[columnAt(columns, at)]?.push(row);
  }
  return columns.map((column, place) => ({ ...column, rows: parts[place] ?? [] }));
}

interface SummaryQuery {
  from: string;
  to: string;
  group_by: string;
  order_by?: string;
  limit?: number;
  after?: string;
}

/** A page of a summary. */
export function readSummary(admin: boolean, { userId, teamId }: Whose, query: SummaryQuery) {
  if (teamId !== undefined) return api.GET("/admin/teams/{team_id}/usage/summary", { params: { path: { team_id: teamId }, query } });
  if (!admin) return api.GET("/v1/usage/summary", { params: { query } });
  if (userId === undefined) return api.GET("/admin/usage/summary", { params: { query } });
  return api.GET("/admin/users/{user_id}/usage/summary", { params: { path: { user_id: userId }, query } });
}
