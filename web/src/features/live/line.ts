/** The line: requests that wait for a slot of an upstream. */
import type { Standing } from "~/features/live/feed";

export interface Line {
  waiting: number;
  /** Seconds; null while nothing waits. */
  oldestS: number | null;
  upstreams: { id: string; running: number; slots: number; waiting: number; oldestS: number | null }[];
  /** Those with requests in line, most first. */
  users: { id: string; waiting: number }[];
}

export function lineOf({ now, upstreams, users }: Pick<Standing, "now" | "upstreams" | "users">): Line {
  const rows = upstreams.map(({ id, in_flight: running, slots, queued: waiting, oldest_wait_s: oldestS }) => ({ id, running, slots, waiting, oldestS }));
  const oldest = rows.flatMap(({ oldestS }) => (oldestS === null ? [] : [oldestS]));
  const waiting = users.map((user) => ({ id: user.user_id, waiting: user.queued }));
  return {
    waiting: now.queued,
    oldestS: now.queued === 0 || oldest.length === 0 ? null : Math.max(...oldest),
    upstreams: rows,
    users: waiting.filter((user) => user.waiting > 0).sort((a, b) => b.waiting - a.waiting),
  };
}
