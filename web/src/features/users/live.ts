/** Cached users, kept up to date by the live feed. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";

import { feed, type Standing } from "~/features/live/feed";
import { LIST, oneKey, type UserList, type UserRow, USERS, type UsersQuery } from "~/features/users/users";
import { addUsd, negated } from "~/ui/format/money";

export type Change = Standing["changed"][number];

/** Usage with what came since. */
function plus<Used extends UserRow["month"]>(used: Used, more: UserRow["month"]): Used {
  return {
    ...used,
    requests: used.requests + more.requests,
    total_tokens: used.total_tokens + more.total_tokens,
    cost_usd: addUsd([used.cost_usd, more.cost_usd]),
  };
}

/** A row with the figures that the feed has of its user. `goesOn`: its `period` has not ended, so that what came since is in it. */
export function withLive(row: UserRow, change: Change, at: string, goesOn = false): UserRow {
  const more = {
    requests: change.month.requests - row.month.requests,
    total_tokens: change.month.total_tokens - row.month.total_tokens,
    cost_usd: addUsd([change.month.cost_usd, negated(row.month.cost_usd)]),
  };
  // A new month has begun, or the row is newer than the feed: the next reading of the list will be right.
  if (more.requests < 0) return row;
  const today = at.slice(0, 10);
  const week = row.week.map((one) => (one.day === today ? plus(one, more) : one));
  const period = goesOn && row.period ? { period: plus(row.period, more) } : {};
  return { ...row, ...period, month: change.month, week, last_seen_at: later(row.last_seen_at, change.last_seen_at) };
}

/** What a list was asked for, as far as it matters here. */
type Span = Pick<UsersQuery, "from" | "to">;

/** A list with the changes of those who are in it; the same object where nobody is. */
export function mergeChanges(list: UserList, { from, to }: Span, changed: readonly Change[], at: string): UserList {
  const byId = new Map(changed.map((change) => [change.user_id, change]));
  if (!list.data.some((row) => byId.has(row.user_id))) return list;
  const now = Date.parse(at);
  const goesOn = from !== undefined && to !== undefined && Date.parse(from) <= now && now < Date.parse(to);
  return {
    ...list,
    data: list.data.map((row) => {
      const change = byId.get(row.user_id);
      return change === undefined ? row : withLive(row, change, at, goesOn);
    }),
  };
}

function later(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return Date.parse(a) > Date.parse(b) ? a : b;
}

/** How long changes are gathered before the list is read. */
const SETTLE_MS = 4_000;
/** How often it is looked whether rows may move again. */
const LET_GO_MS = 1_000;
/** A longer gap between two events means that some were missed. */
const LOST_MS = 5_000;

/** Keep the users on the page up to date from the feed. What the feed leaves out (meters, order) is read a little later, once for all
 * changes. While `held` returns true rows stay in their order, since one that is about to be clicked must not move away. Returns whether
 * what is being read is to keep the order: for `useUsers`. */
export function useLiveUsers(held: () => boolean = () => false): () => boolean {
  const queries = useQueryClient();
  const keeping = useRef(false);
  useEffect(() => {
    let timer: number | undefined;
    let ordering: number | undefined;
    let last = Number.NaN;
    const refresh = async () => {
      timer = undefined;
      keeping.current = held();
      if (keeping.current) orderLater();
      await queries.invalidateQueries({ queryKey: USERS });
      keeping.current = false;
    };
    const soon = () => {
      timer ??= window.setTimeout(() => void refresh(), SETTLE_MS);
    };
    // Nobody tells when the rows are let go.
    const orderLater = () => {
      ordering ??= window.setInterval(() => {
        if (held()) return;
        window.clearInterval(ordering);
        ordering = undefined;
        soon();
      }, LET_GO_MS);
    };
    const stop = feed.listen(({ tick: { at, changed } }) => {
      const now = Date.parse(at);
      if (now - last > LOST_MS) soon();
      last = now;
      if (changed.length === 0) return;
      const lists = queries.getQueriesData<UserList>({ queryKey: LIST }).map(([key, list]) => {
        const merged = list && mergeChanges(list, key.at(-1) as Span, changed, at);
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
      window.clearInterval(ordering);
    };
  }, [queries, held]);
  return useCallback(() => keeping.current, []);
}
