/** What was used for each end user, and what the user's app calls them. */
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";

import { body } from "~/api/client";
import { useIsAdmin } from "~/features/session/session";
import { readSummary, SUMMARY, type SummaryRow } from "~/features/usage/usage";
import type { Period } from "~/ui/period";

/** `end_user_id` null: what was used for nobody who was named. */
export type PersonUsage = Pick<SummaryRow, "requests" | "prompt_tokens" | "completion_tokens" | "cost_usd"> & {
  end_user_id: string | null;
  /** What the user's app calls the person; null where that is erased. */
  end_user_value: string | null;
};

const ROWS = 20;

/** What was used in a period by person, page by page, those who cost most first. The page says when it is to be read
 * again. */
export function useUsageByPerson(userId: string, { from, to }: Period) {
  const admin = useIsAdmin();
  const query = { from, to, group_by: "end_user", order_by: "-cost_usd", limit: ROWS };
  return useInfiniteQuery({
    queryKey: [SUMMARY, admin, { userId }, query],
    placeholderData: keepPreviousData,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => body(readSummary(admin, { userId }, { ...query, ...(pageParam !== null && { after: pageParam }) })),
    getNextPageParam: ({ next }) => next,
    select: ({ pages }): PersonUsage[] => pages.flatMap(({ data }) => data.map((row) => ({ ...row, end_user_id: row.end_user_id ?? null, end_user_value: row.end_user_value ?? null }))),
  });
}
