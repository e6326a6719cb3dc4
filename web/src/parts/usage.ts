/** What was used in a period: by day and model, and in all; of oneself, of one user, or of everyone. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { useSession } from "~/app/session";
import type { Period } from "~/parts/period";

export type Summary = Schemas["Summary"];
export type SummaryRow = Schemas["SummaryRow"];

export interface Usage {
  /** Rows by day (or hour, where the period is one day) and model. */
  data: Summary | undefined;
  /** The sums of the same length of time before. */
  before: Schemas["Sums"] | undefined;
  error: Error | null;
}

interface Which {
  userId?: string;
}

/** Of an admin: everyone's, or one user's; of a user: their own. */
export function useUsage(period: Period, { userId }: Which): Usage {
  const group = isOneDay(period) ? "hour,model" : "day,model";
  const now = useSummary(period, group, userId);
  const before = useSummary(period.before, "model", userId);
  return { data: now.data, before: before.data?.total, error: now.error ?? before.error };
}

export function isOneDay({ from, to }: { from: string; to: string }): boolean {
  return Date.parse(to) - Date.parse(from) <= 86_400_000;
}

export function useSummary({ from, to }: { from: string; to: string }, groupBy: string, userId?: string) {
  const { session } = useSession();
  const admin = session?.user.role === "admin";
  const query = { from, to, group_by: groupBy };
  return useQuery({
    queryKey: ["summary", admin, userId, query],
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
    queryFn: () => {
      if (!admin) return body(api.GET("/v1/usage/summary", { params: { query } }));
      if (userId === undefined) return body(api.GET("/admin/usage/summary", { params: { query } }));
      const path = { user_id: userId };
      return body(api.GET("/admin/users/{user_id}/usage/summary", { params: { path, query } }));
    },
  });
}
