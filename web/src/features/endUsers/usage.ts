/** What was used for each end user, and what the user's app calls them. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import { END_USERS } from "~/features/endUsers/endUsers";
import { useIsAdmin } from "~/features/session/session";
import { readSummary, type SummaryRow } from "~/features/usage/usage";
import type { Period } from "~/ui/period";

/** `end_user_id` null: what was used for nobody who was named. */
export type PersonUsage = Pick<SummaryRow, "requests" | "prompt_tokens" | "completion_tokens" | "cost_usd"> & { end_user_id: string | null };

const ROWS = 20;

/** What was used in a period by person, page by page, those who cost most first. */
export function useUsageByPerson(userId: string, { from, to }: Period) {
  const admin = useIsAdmin();
  const query = { from, to, group_by: "end_user", order_by: "-cost_usd", limit: ROWS };
  return useInfiniteQuery({
    queryKey: ["summary", admin, { userId }, query],
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => body(readSummary(admin, { userId }, { ...query, ...(pageParam !== null && { after: pageParam }) })),
    getNextPageParam: ({ next }) => next,
    select: ({ pages }): PersonUsage[] => pages.flatMap(({ data }) => data.map((row) => ({ ...row, end_user_id: row.end_user_id ?? null }))),
  });
}

const NONE: ReadonlyMap<string, string | null> = new Map();

/** What the user's app calls each of these, by id; null for one that is erased. */
export function useEndUserNames(userId: string, people: readonly PersonUsage[]): ReadonlyMap<string, string | null> {
  const admin = useIsAdmin();
  const ids = people.flatMap(({ end_user_id: id }) => (id === null ? [] : [id])).sort();
  const { data } = useQuery({
    queryKey: [...END_USERS, "names", admin, userId, ids],
    enabled: ids.length > 0,
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const found = await Promise.all(
        batches(ids).map((batch) => {
          const query = { id: batch.join(","), limit: batch.length };
          return body(
            admin
              ? api.GET("/admin/users/{user_id}/end-users", { params: { path: { user_id: userId }, query } })
              : api.GET("/me/end-users", { params: { query } }),
          );
        }),
      );
      return new Map(found.flatMap((page) => page.data.map(({ id, value }) => [id, value] as const)));
    },
  });
  return data ?? NONE;
}

/** So many ids as fit into an address. */
const BATCH = 50;

function batches(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, at) => ids.slice(at * BATCH, (at + 1) * BATCH));
}
