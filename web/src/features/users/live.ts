/** Cached users, kept up to date by the live feed. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { feed, type Standing } from "~/features/live/feed";
import { LIST, oneKey, type UserList, type UserRow, USERS } from "~/features/users/users";
import { addUsd, negated } from "~/ui/format/money";

export type Change = Standing["changed"][number];

/** A row with the figures that the feed has of its user. */
export function withLive(row: UserRow, change: Change, at: string): UserRow {
  const more = {
    requests: change.month.requests - row.month.requests,
    total_tokens: change.month.total_tokens - row.month.total_tokens,
    cost_usd: addUsd([change.month.cost_usd, negated(row.month.cost_usd)]),
  };
  // A new month has begun, or the row is newer than the feed: the next reading of the list will be right.
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

/** A list with the changes of those who are in it; the same object where nobody is. */
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

function later(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return Date.parse(a) > Date.parse(b) ? a : b;
}

/** How long changes are gathered before the list is read. */
const SETTLE_MS = 4_000;
/** A longer gap between two events means that some were missed. */
const LOST_MS = 5_000;

/** Keep the users on the page up to date from the feed. What the feed leaves out (meters, order) is read a little later, once for all
 * changes, but not while `held` returns true: a row that is about to be clicked must not move away. */
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
    const stop = feed.listen(({ tick: { at, changed } }) => {
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
