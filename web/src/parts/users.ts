/** Users as the gateway tells of them: lists and single ones in the cache, kept true by the live feed. */
import { keepPreviousData, type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { api, body, type Schemas } from "~/api/client";
import { addUsd } from "~/parts/format";
import { feed, type Standing } from "~/parts/live";

export type UserRow = Schemas["UserRow"];
export type UserList = Schemas["UserList"];
export type Change = Standing["changed"][number];

export const USERS = ["users"] as const;
const LIST = [...USERS, "list"] as const;
const ONE = [...USERS, "one"] as const;
const oneKey = (userId: string) => [...ONE, userId] as const;
export const limitsKey = (userId: string) => [...USERS, "limits", userId] as const;

type ListQuery = NonNullable<Parameters<typeof listUsers>[0]>;

function listUsers(query: { q?: string; status?: UserRow["status"]; role?: UserRow["role"]; sort?: SortName; order?: Order; limit?: number; after?: string }) {
  return body(api.GET("/admin/users", { params: { query } }));
}

export const SORTS = ["user_id", "requests", "tokens", "cost", "last_seen", "created"] as const;
export type SortName = (typeof SORTS)[number];
export type Order = "asc" | "desc";

export function useUsers(query: ListQuery) {
  return useQuery({ queryKey: [...LIST, query], queryFn: () => listUsers(query), placeholderData: keepPreviousData });
}

export function useUser(userId: string) {
  const path = { user_id: userId };
  return useQuery({ queryKey: oneKey(userId), queryFn: () => body(api.GET("/admin/users/{user_id}", { params: { path } })) });
}

/** A user's limits and what is left of them; asked for when they are about to be edited. */
export function useLimits(userId: string, enabled = true) {
  const path = { user_id: userId };
  return useQuery({
    queryKey: limitsKey(userId),
    queryFn: () => body(api.GET("/admin/users/{user_id}/limits", { params: { path } })),
    enabled,
    staleTime: 0,
  });
}

/** Change what the pages hold of a user, wherever they hold it. */
export function patchUser(queries: QueryClient, userId: string, patch: (row: UserRow) => UserRow): void {
  queries.setQueryData<UserRow>(oneKey(userId), (row) => row && patch(row));
  queries.setQueriesData<UserList>({ queryKey: LIST }, (list) => list && { ...list, data: list.data.map((row) => (row.user_id === userId ? patch(row) : row)) });
}

/** A row with what the feed says of its user. */
export function withLive(row: UserRow, change: Change, at: string): UserRow {
  const more = {
    requests: change.month.requests - row.month.requests,
    total_tokens: change.month.total_tokens - row.month.total_tokens,
    cost_usd: addUsd([change.month.cost_usd, negative(row.month.cost_usd)]),
  };
  // A new month began, or the row is newer than the feed: the next answer of the list says what is true.
  if (more.requests < 0) return row;
  const today = at.slice(0, 10);
  const week = row.week.map((one) =>
    one.day !== today
      ? one
      : {
          ...one,
          requests: one.requests + more.requests,
          total_tokens: one.total_tokens + more.total_tokens,
          cost_usd: addUsd([one.cost_usd, more.cost_usd]),
        },
  );
  return { ...row, month: change.month, week, last_seen_at: later(row.last_seen_at, change.last_seen_at) };
}

/** The same list where nobody in it changed. */
export function mergeChanges(list: UserList, changed: readonly Change[], at: string): UserList {
  const byId = new Map(changed.map((change) => [change.user_id, change]));
  if (!list.data.some((row) => byId.has(row.user_id))) return list;
  return {
    ...list,
    data: list.data.map((row) => {
      const change = byId.get(row.user_id);
      return change === undefined ? row : withLive(row, change, at);
    }),
  };
}

function negative(usd: string): string {
  return usd.startsWith("-") ? usd.slice(1) : `-${usd}`;
}

function later(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return Date.parse(a) > Date.parse(b) ? a : b;
}

const SETTLE_MS = 4_000;
const LOST_MS = 5_000;

/** Keep the users on the page as the feed says. What the feed leaves out (meters, order) is asked for a little later, once for
 * all that changed; not while `held` says that someone is about to press something, which must not move away. */
export function useLiveUsers(held: () => boolean = () => false): void {
  const queries = useQueryClient();
  useEffect(() => {
    let timer: number | undefined;
    let last = Number.NaN;
    const refresh = () => {
      timer = undefined;
      if (held()) soon();
      else void queries.invalidateQueries({ queryKey: USERS });
    };
    const soon = () => {
      timer ??= window.setTimeout(refresh, SETTLE_MS);
    };
    const stop = feed.listen(({ at, changed }) => {
      const now = Date.parse(at);
      if (now - last > LOST_MS) soon();
      last = now;
      if (changed.length === 0) return;
      const lists = queries.getQueriesData<UserList>({ queryKey: LIST }).map(([key, list]) => {
        const merged = list && mergeChanges(list, changed, at);
        if (merged !== list) queries.setQueryData(key, merged);
        return merged !== list;
      });
      const ones = changed.map((change) => {
        const row = queries.getQueryData<UserRow>(oneKey(change.user_id));
        if (row !== undefined) queries.setQueryData(oneKey(change.user_id), withLive(row, change, at));
        return row !== undefined;
      });
      if (lists.includes(true) || ones.includes(true)) soon();
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [queries, held]);
}
