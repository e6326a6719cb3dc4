import { waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { pushedTotal, type SummaryRow, useUsage } from "~/features/usage/usage";
import { type Clock, clockOf, UTC } from "~/ui/clock";
import { periodOf } from "~/ui/period";

import { answer, sessionOf, showHook } from "../../render";

const NOW = new Date("2026-11-20T12:00:00Z");
const MONTH = periodOf(new URLSearchParams(), NOW, UTC);
const TODAY = periodOf(new URLSearchParams("period=today"), NOW, UTC);

let clock: Clock = UTC;
vi.mock("~/ui/clock", async (original) => ({ ...(await original<object>()), useClock: () => clock }));

/** The paths and groups that were asked for, without their spans. */
let asked: string[] = [];
/** One request in each of these hours. */
let hours: string[] = [];

/** The rows of a gateway that has such records, for one model. */
function rowsOf({ from, to, group_by: group }: { from: string; to: string; group_by: string }) {
  const found = hours.filter((hour) => Date.parse(hour) + 3_600_000 > Date.parse(from) && hour < to);
  if (group === "model") return [{ model: "a", requests: found.length }];
  return found.map((hour) => ({ model: "a", requests: 1, ...(group.startsWith("hour") ? { hour } : { day: hour.slice(0, 10) }) }));
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: NOW });
  asked = [];
  hours = [];
  clock = UTC;
  vi.spyOn(api, "GET").mockImplementation((path, ...given) => {
    const { query } = (given[0] as unknown as { params: { query: { from: string; to: string; group_by: string } } }).params;
    asked.push(`${String(path)} ${query.group_by}`);
    return Promise.resolve(answer({ data: rowsOf(query), total: { requests: query.from === MONTH.from ? 7 : 3 } }));
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the usage of a period", () => {
  it("has its sums, and those of the period that it is compared with", async () => {
    const { result } = showHook(() => useUsage(MONTH), { session: sessionOf("user") });
    await waitFor(() => expect(result.current.before).toEqual({ requests: 3 }));
    expect(result.current.data?.total).toEqual({ requests: 7 });
    expect(asked).toEqual(["/v1/usage/summary day,model", "/v1/usage/summary model"]);
  });

  it("is by the hour where the period is one day", async () => {
    showHook(() => useUsage(TODAY), { session: sessionOf("user") });
    await waitFor(() => expect(asked[0]).toBe("/v1/usage/summary hour,model"));
  });

  it("is everyone's for admins, or that of the user named", async () => {
    showHook(() => useUsage(MONTH), { session: sessionOf("admin") });
    showHook(() => useUsage(MONTH, { userId: "bob" }), { session: sessionOf("admin") });
    await waitFor(() => expect(asked).toHaveLength(4));
    expect(asked).toContain("/admin/usage/summary day,model");
    expect(asked).toContain("/admin/users/{user_id}/usage/summary day,model");
  });

  it("has the rows of all pages", async () => {
    const pages: Record<string, unknown> = {
      first: { data: [{ model: "a" }], next: "1000", total: { requests: 2 } },
      "1000": { data: [{ model: "b" }], next: null, total: { requests: 2 } },
    };
    vi.spyOn(api, "GET").mockImplementation(((_: string, { params: { query } }: { params: { query: { after?: string } } }) =>
      Promise.resolve(answer(pages[query.after ?? "first"]))) as never);
    const { result } = showHook(() => useUsage(MONTH), { session: sessionOf("user") });
    await waitFor(() => expect(result.current.data?.data).toEqual([{ model: "a" }, { model: "b" }]));
    expect(result.current.data?.total).toEqual({ requests: 2 });
  });
});

describe("the days of a period", () => {
  const sum = (rows: readonly SummaryRow[]) => rows.reduce((all, { requests }) => all + requests, 0);

  async function daysOn(zone: string, query: string) {
    clock = clockOf(zone);
    const period = periodOf(new URLSearchParams(query), NOW, clock);
    const { result } = showHook(() => useUsage(period), { session: sessionOf("user") });
    await waitFor(() => expect(result.current.columns).toBeDefined());
    return result.current.columns?.map(({ label, rows }) => [label, sum(rows)]);
  }

  it("are made of the API's hours where the clock is not UTC", async () => {
    hours = ["2026-11-18T04:00:00Z", "2026-11-18T05:00:00Z", "2026-11-19T04:00:00Z", "2026-11-20T11:00:00Z"];
    const days = await daysOn("America/New_York", "period=7d");
    expect(days?.slice(3)).toEqual([["17 Nov", 1], ["18 Nov", 2], ["19 Nov", 0], ["20 Nov", 1]]);
    expect(asked[0]).toBe("/v1/usage/summary hour,model");
  });

  it("are asked for one by one where an hour of the API is in two of them", async () => {
    hours = ["2026-11-19T12:00:00Z", "2026-11-19T20:00:00Z", "2026-11-20T06:00:00Z"];
    const days = await daysOn("Asia/Kolkata", "period=7d");
    expect(days?.slice(4)).toEqual([["18 Nov", 0], ["19 Nov", 1], ["20 Nov", 2]]);
    expect(new Set(asked)).toEqual(new Set(["/v1/usage/summary model"]));
  });

  it("are months, each asked for by itself, in a long period", async () => {
    hours = ["2026-08-19T18:00:00Z", "2026-11-19T19:00:00Z"];
    const months = await daysOn("America/New_York", "period=custom&from=2026-08-01&to=2026-11-20");
    expect(months?.slice(1)).toEqual([["Aug 2026", 1], ["Sept 2026", 0], ["Oct 2026", 0], ["Nov 2026", 1]]);
    expect(new Set(asked)).toEqual(new Set(["/v1/usage/summary model"]));
  });

  it("have hours of their own at the ends of one whose midnight is half past", async () => {
    hours = ["2026-11-19T18:00:00Z", "2026-11-19T19:00:00Z"];
    const today = await daysOn("Asia/Kolkata", "period=today");
    expect(today?.slice(0, 3)).toEqual([["00:00", 1], ["00:30", 1], ["01:30", 0]]);
  });
});

describe("what is pushed", () => {
  const sums = (requests: number) => ({ requests, prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, cost_usd: "0" });
  const pushed = { at: "2026-11-20T12:00:00.500Z", today: sums(1), month: sums(2) };

  it("is shown for today and for this month, as no other figures are as new", () => {
    expect(pushedTotal(TODAY, pushed)).toBe(pushed.today);
    expect(pushedTotal(MONTH, pushed)).toBe(pushed.month);
    expect(pushedTotal(periodOf(new URLSearchParams("period=7d"), NOW, UTC), pushed)).toBeNull();
    expect(pushedTotal(MONTH, { ...pushed, at: "2026-12-01T00:00:00Z" })).toBeNull();
  });
});
