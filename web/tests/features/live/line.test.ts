// @vitest-environment node
import { describe, expect, it } from "vitest";

import type { Standing } from "~/features/live/feed";
import { lineOf } from "~/features/live/line";

const upstream = (id: string, queued: number, oldest: number | null): Standing["upstreams"][number] => ({
  id,
  kind: "ollama",
  state: "up",
  in_flight: 2,
  slots: 2,
  queued,
  oldest_wait_s: oldest,
  error: null,
});
const user = (userId: string, queued: number): Standing["users"][number] => ({ user_id: userId, requests: 1, total_tokens: 1, cost_usd: "0", in_flight: 0, queued });
const now = (queued: number): Standing["now"] => ({
  requests_per_second: 0,
  tokens_per_second: 0,
  cost_usd_per_minute: "0",
  errors_per_second: 0,
  in_flight: 4,
  queued,
});

describe("the line", () => {
  it("is as long as the feed says, whoever waits for several upstreams, and as old as the oldest at any", () => {
    const line = lineOf({ now: now(3), upstreams: [upstream("a", 3, 1.5), upstream("b", 2, 4.2), upstream("c", 0, null)], users: [] });
    expect([line.waiting, line.oldestS]).toEqual([3, 4.2]);
    expect(line.upstreams[1]).toEqual({ id: "b", running: 2, slots: 2, waiting: 2, oldestS: 4.2 });
  });

  it("has no age while nobody waits", () => {
    expect(lineOf({ now: now(0), upstreams: [upstream("a", 0, null)], users: [] }).oldestS).toBeNull();
  });

  it("names those who wait, most first", () => {
    const { users } = lineOf({ now: now(6), upstreams: [], users: [user("spender", 0), user("one", 1), user("five", 5)] });
    expect(users).toEqual([{ id: "five", waiting: 5 }, { id: "one", waiting: 1 }]);
  });
});
