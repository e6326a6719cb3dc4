import { describe, expect, it } from "vitest";

import { type Change, mergeChanges, withLive } from "~/features/users/live";
import type { UserList, UserRow } from "~/features/users/users";

const AT = "2026-11-20T12:00:00.500Z";

function row(userId: string, some: Partial<UserRow> = {}): UserRow {
  return {
    user_id: userId,
    name: null,
    role: "user",
    status: "active",
    created_at: "2026-11-01T00:00:00Z",
    team: null,
    team_admin: false,
    address: null,
    tax_id: null,
    email: null,
    month: { requests: 10, total_tokens: 1000, cost_usd: "0.3" },
    last_seen_at: "2026-11-20T11:00:00Z",
    second_factor: false,
    usage: {},
    week: [
      { day: "2026-11-19", requests: 4, total_tokens: 400, cost_usd: "0.1" },
      { day: "2026-11-20", requests: 2, total_tokens: 200, cost_usd: "0.1" },
    ],
    ...some,
  };
}

function change(userId: string, some: Partial<Change> = {}): Change {
  return { user_id: userId, month: { requests: 12, total_tokens: 1300, cost_usd: "0.5" }, in_flight: 1, last_seen_at: AT, ...some };
}

describe("what the feed says of a user", () => {
  it("is the month's use and the last sight; what came since is today's", () => {
    const live = withLive(row("a"), change("a"), AT);
    expect(live.month).toEqual({ requests: 12, total_tokens: 1300, cost_usd: "0.5" });
    expect(live.last_seen_at).toBe(AT);
    expect(live.week).toEqual([
      { day: "2026-11-19", requests: 4, total_tokens: 400, cost_usd: "0.1" },
      { day: "2026-11-20", requests: 4, total_tokens: 500, cost_usd: "0.3" },
    ]);
  });

  it("said twice counts once", () => {
    const once = withLive(row("a"), change("a"), AT);
    expect(withLive(once, change("a"), AT)).toEqual(once);
  });

  it("takes back what a correction gave back", () => {
    const live = withLive(row("a"), change("a", { month: { requests: 10, total_tokens: 1000, cost_usd: "-0.2" } }), AT);
    expect(live.week[1]?.cost_usd).toBe("-0.4");
  });

  it("leaves a row alone that knows more, as after a new month began", () => {
    const newer = row("a", { month: { requests: 13, total_tokens: 1400, cost_usd: "0.6" } });
    expect(withLive(newer, change("a"), AT)).toBe(newer);
  });

  it("never makes the last sight earlier or unknown", () => {
    expect(withLive(row("a"), change("a", { last_seen_at: "2026-11-20T10:00:00Z" }), AT).last_seen_at).toBe("2026-11-20T11:00:00Z");
    expect(withLive(row("a"), change("a", { last_seen_at: null }), AT).last_seen_at).toBe("2026-11-20T11:00:00Z");
    expect(withLive(row("a", { last_seen_at: null }), change("a"), AT).last_seen_at).toBe(AT);
  });
});

describe("a page of users", () => {
  const list: UserList = { object: "list", data: [row("a"), row("b")], has_more: true, next: "x", total: 9 };

  it("has its users changed where they stand, and no one added", () => {
    const merged = mergeChanges(list, [change("b"), change("elsewhere")], AT);
    expect(merged.data.map((one) => [one.user_id, one.month.requests])).toEqual([
      ["a", 10],
      ["b", 12],
    ]);
    expect(merged.data[0]).toBe(list.data[0]);
    expect([merged.next, merged.total]).toEqual(["x", 9]);
  });

  it("stays the same object where nobody of it changed", () => {
    expect(mergeChanges(list, [change("elsewhere")], AT)).toBe(list);
  });
});
