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

export function useSummary({ from, to }: { from: string; to: string }, groupBy: string, { userId, teamId }: Whose = {}) {
  const admin = useIsAdmin();
  const query = { from, to, group_by: groupBy };
  return useQuery({
    queryKey: ["summary", admin, userId, teamId, query],
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
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
