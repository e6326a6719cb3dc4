import { act } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { feed, type Overview } from "~/features/live/feed";
import { type Change, mergeChanges, useLiveUsers, withLive } from "~/features/users/live";
import { type UserList, type UserRow, useUsers } from "~/features/users/users";
import { answer, sessionOf, showHook } from "../../render";

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
    const merged = mergeChanges(list, {}, [change("b"), change("elsewhere")], AT);
    expect(merged.data.map((one) => [one.user_id, one.month.requests])).toEqual([
      ["a", 10],
      ["b", 12],
    ]);
    expect(merged.data[0]).toBe(list.data[0]);
    expect([merged.next, merged.total]).toEqual(["x", 9]);
  });

  it("stays the same object where nobody of it changed", () => {
    expect(mergeChanges(list, {}, [change("elsewhere")], AT)).toBe(list);
  });

  it("has what came since in the figures of its period, as long as that goes on", () => {
    const period = { requests: 3, total_tokens: 50, cost_usd: "0.05" };
    const asked = { ...list, data: [row("a", { period })] };
    const moved = (from: string, to: string) => mergeChanges(asked, { from, to }, [change("a")], AT).data[0]?.period;
    // This month, and the last seven days, in Berlin.
    expect(moved("2026-10-31T23:00:00.000Z", "2026-11-30T23:00:00.000Z")).toEqual({ requests: 5, total_tokens: 350, cost_usd: "0.25" });
    expect(moved("2026-11-13T23:00:00.000Z", "2026-11-20T23:00:00.000Z")).toEqual({ requests: 5, total_tokens: 350, cost_usd: "0.25" });
    // What is over, or still to come.
    expect(moved("2026-11-18T23:00:00.000Z", "2026-11-19T23:00:00.000Z")).toEqual(period);
    expect(moved("2026-11-20T23:00:00.000Z", "2026-11-21T23:00:00.000Z")).toEqual(period);
  });
});

describe("the users on a page", () => {
  const month = { requests: 0, total_tokens: 0, cost_usd: "0" };
  // This month in Berlin, which a list has by itself.
  const asked = { from: "2026-10-31T23:00:00.000Z", to: "2026-11-30T23:00:00.000Z" };
  const listOf = (...users: string[]): UserList => ({
    object: "list",
    data: users.map((user) => row(user, { period: month, month, usage: {} })),
    has_more: false,
    next: null,
    total: users.length,
  });
  let listener: (held: Overview) => void = () => undefined;
  const tick = (changed: Change[]) => {
    act(() => listener({ tick: { at: AT, changed } as unknown as Overview["tick"], series: [] }));
  };

  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(feed, "listen").mockImplementation((given) => {
      listener = given;
      return () => undefined;
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it("move at once, and are read in the order they have while they are held, then in their own", async () => {
    let isHeld = true;
    const get = vi.spyOn(api, "GET").mockResolvedValue(answer(listOf("a", "b")));
    const held = () => isHeld;
    const { result } = showHook(() => useUsers(asked, useLiveUsers(held)), { session: sessionOf("admin") });
    await act(() => vi.advanceTimersByTimeAsync(0));
    get.mockResolvedValue(answer(listOf("new", "b", "a")));
    const shown = () => result.current.data?.data.map((one) => `${one.user_id} ${one.period?.requests}`);

    tick([change("b", { month: { requests: 2, total_tokens: 10, cost_usd: "0.01" } })]);
    await act(() => vi.advanceTimersByTimeAsync(0));
    expect(shown()).toEqual(["a 0", "b 2"]);
    expect(get).toHaveBeenCalledTimes(1);

    await act(() => vi.advanceTimersByTimeAsync(5_000));
    expect(shown()).toEqual(["a 0", "b 0", "new 0"]);
    expect(get).toHaveBeenCalledTimes(2);

    // Nothing is asked for again as long as they are held and nobody uses anything.
    await act(() => vi.advanceTimersByTimeAsync(60_000));
    expect(get).toHaveBeenCalledTimes(2);

    isHeld = false;
    await act(() => vi.advanceTimersByTimeAsync(6_000));
    expect(shown()).toEqual(["new 0", "b 0", "a 0"]);
    expect(get).toHaveBeenCalledTimes(3);
  });
});
