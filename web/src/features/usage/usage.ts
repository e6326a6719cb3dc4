/** What was used in a period, by day and model and in total: by oneself, by one user, in one team, or by everyone. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { useIsAdmin } from "~/features/session/session";
import { isOneDay, type Period } from "~/ui/period";

export type Summary = Schemas["Summary"];
export type SummaryRow = Schemas["SummaryRow"];

export interface Usage {
  /** Rows by day and model; by hour, where the period is one day. */
  data: Summary | undefined;
  /** The sums of the period that it is compared with. */
  before: Schemas["Sums"] | undefined;
  error: Error | null;
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
const EVERY_MS = 30_000;

/** For admins: everyone's, one user's, or one team's, which its own admins may see, too. For users: their own. `pushed`: the page
 * follows a live feed, and reads it again when that says so. */
export function useUsage(period: Period, whose: Whose = {}, pushed = false): Usage {
  const group = isOneDay(period) ? "hour,model" : "day,model";
  const now = useSummary(period, group, whose, pushed);
  const before = useSummary(period.before, "model", whose, pushed);
  return { data: now.data, before: before.data?.total, error: now.error ?? before.error };
}

export function useSummary({ from, to }: { from: string; to: string }, groupBy: string, { userId, teamId }: Whose = {}, pushed = false) {
  const admin = useIsAdmin();
  const query = { from, to, group_by: groupBy };
  return useQuery({
    queryKey: [SUMMARY, admin, userId, teamId, query],
    placeholderData: keepPreviousData,
    refetchInterval: pushed ? false : EVERY_MS,
    queryFn: () => {
      if (teamId !== undefined) {
        const path = { team_id: teamId };
        return body(api.GET("/admin/teams/{team_id}/usage/summary", { params: { path, query } }));
      }
      if (!admin) return body(api.GET("/v1/usage/summary", { params: { query } }));
      if (userId === undefined) return body(api.GET("/admin/usage/summary", { params: { query } }));
      const path = { user_id: userId };
      return body(api.GET("/admin/users/{user_id}/usage/summary", { params: { path, query } }));
    },
  });
}
