/** What was used for each end user, and what the user's app calls them. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import { END_USERS } from "~/features/endUsers/endUsers";
import { useIsAdmin } from "~/features/session/session";
import type { SummaryRow } from "~/features/usage/usage";
import { approximate } from "~/ui/format/money";

/** `end_user_id` null: what was used for nobody who was named. */
export type PersonUsage = Pick<SummaryRow, "requests" | "prompt_tokens" | "completion_tokens" | "cost_usd"> & { end_user_id: string | null };

/** The rows of a summary by end user, those who cost most first. */
export function byCost(rows: readonly SummaryRow[]): PersonUsage[] {
  const people = rows.map((row) => ({ ...row, end_user_id: row.end_user_id ?? null }));
  return people.sort((one, other) => approximate(other.cost_usd) - approximate(one.cost_usd) || other.requests - one.requests);
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
