/** What was used in a period, by day and model and in total: by oneself, by one user, in one team, or by everyone. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";
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

/** Whose usage: one user's, or one team's. */
export interface Whose {
  userId?: string;
  teamId?: string;
}

/** For admins: everyone's, one user's, or one team's, which its own admins may see, too. For users: their own. */
export function useUsage(period: Period, whose: Whose = {}): Usage {
  const group = isOneDay(period) ? "hour,model" : "day,model";
  const now = useSummary(period, group, whose);
  const before = useSummary(period.before, "model", whose);
  return { data: now.data, before: before.data?.total, error: now.error ?? before.error };
}

/** All rows of a summary: for groups of hundreds, such as the models of each day. */
export function useSummary({ from, to }: { from: string; to: string }, groupBy: string, whose: Whose = {}) {
  const admin = useIsAdmin();
  const query = { from, to, group_by: groupBy };
  return useQuery({
    queryKey: ["summary", admin, whose, query],
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
    queryFn: async () => {
      let first: Summary | undefined;
      const data = await allPages(async (page) => {
        const answer = await body(readSummary(admin, whose, { ...query, ...page }));
        first ??= answer;
        return answer;
      });
      return first === undefined ? undefined : { ...first, data };
    },
  });
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
