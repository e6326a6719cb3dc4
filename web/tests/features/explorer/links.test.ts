import { describe, expect, it } from "vitest";

import { csvHref, drillTarget, explorerPath, figureTarget, partTarget } from "~/features/explorer/links";
import { type Clock, clockOf, UTC } from "~/ui/clock";
import { periodOf } from "~/ui/period";

import { asked, NOW, row } from "./samples";

const decoded = (path: string | null) => (path === null ? null : decodeURIComponent(path));
const HOUR = "2026-11-19T13:00:00Z";

describe("a click on a figure", () => {
  const of = (search: string, name: Parameters<typeof figureTarget>[1], given: object, admin = true) => decoded(figureTarget(asked(search, admin), name, row(given)));

  it("of requests opens the calls that were counted", () => {
    expect(of("group_by=user,hour&order_by=-errors&team=blue", "requests", { user_id: "ann", hour: HOUR, requests: 3 })).toBe(
      "/admin/calls?team=blue&user=ann&period=custom&from=2026-11-19T13:00:00.000Z&to=2026-11-19T14:00:00.000Z",
    );
    expect(of("group_by=model&period=7d", "requests", { model: "m:1", requests: 3 }, false)).toBe("/calls?period=custom&model=m:1&from=2026-11-14T00:00:00.000Z&to=2026-11-21T00:00:00.000Z");
  });

  it("opens nothing where nothing was counted, or cannot be filtered by", () => {
    expect(of("", "requests", { user_id: "ann" })).toBeNull();
    expect(of("", "errors", { user_id: "ann" })).toBeNull();
    expect(of("", "refused", { user_id: "ann" })).toBeNull();
    expect(of("group_by=upstream", "refused", { upstream: "local", refused: null })).toBeNull();
    expect(of("group_by=key", "requests", { key_id: null, requests: 3 })).toBeNull();
    expect(of("", "cost_usd", { user_id: "ann", cost_usd: "1" })).toBeNull();
  });

  it("of errors opens them by status", () => {
    expect(of("order_by=-errors&period=7d", "errors", { user_id: "ann", errors: 2 })).toBe("/admin/usage?period=7d&user=ann&group_by=status");
    expect(of("status=failed", "errors", { user_id: "ann", errors: 2 })).toBeNull();
  });

  it("of refusals opens their reasons over the same table", () => {
    const target = figureTarget(asked("group_by=model,hour&user=ann&tag=x:y&status=failed"), "refused", row({ model: "m:1", hour: HOUR, refused: 4 }));
    const params = new URLSearchParams(target ?? "");
    expect(Object.fromEntries(new URLSearchParams(params.get("refused") ?? ""))).toEqual({
      user: "ann",
      status: "failed",
      model: "m:1",
      from: "2026-11-19T13:00:00.000Z",
      to: "2026-11-19T14:00:00.000Z",
    });
    expect(params.get("group_by")).toBe("model,hour");
  });
});

it("leads from the last group to the calls", () => {
  expect(decoded(drillTarget(asked("group_by=hour&user=ann&model=m:1"), "hour", HOUR))).toBe(
    "/admin/calls?user=ann&model=m:1&period=custom&from=2026-11-19T13:00:00.000Z&to=2026-11-19T14:00:00.000Z",
  );
  expect(drillTarget(asked("period=today", false), "model", "m")).toMatch(/^\/usage\?/);
});

it("is found from other pages, with their period and a filter", () => {
  const path = explorerPath(true, "model", [{ by: "user", value: "ann" }], { from: "2026-11-19T18:30:00.000Z", to: "2026-11-20T18:30:00.000Z" });
  expect(decoded(path)).toBe("/admin/usage?group_by=model&user=ann&period=custom&from=2026-11-19T18:30:00.000Z&to=2026-11-20T18:30:00.000Z");
  expect(explorerPath(false, "model")).toBe("/usage?group_by=model");
});

describe("to and from pages of another clock", () => {
  const KOLKATA = clockOf("Asia/Kolkata");
  const spanIn = (path: string | null, clock: Clock) => {
    const { from, to } = periodOf(new URL(path ?? "", "http://x").searchParams, NOW, clock);
    return { from, to };
  };

  it.each(["period=today", "period=7d", "period=30d", "period=month", ""])("'%s' is the same moments", (search) => {
    const here = asked(`${search}&group_by=user`);
    const calls = figureTarget(here, "requests", row({ user_id: "ann", requests: 3 }));
    expect(spanIn(calls, KOLKATA)).toEqual({ from: here.period.from, to: here.period.to });
    const there = periodOf(new URLSearchParams(search), NOW, KOLKATA);
    expect(spanIn(explorerPath(true, "model", [], there), UTC)).toEqual({ from: there.from, to: there.to });
  });
});

describe("a click within a period that cuts its first and last day", () => {
  const DAY = { from: "2026-11-18T18:30:00.000Z", to: "2026-11-19T18:30:00.000Z" };
  const here = (more: string) => asked(`period=custom&from=${DAY.from}&to=${DAY.to}&${more}`);
  const spanOf = (path: string | null) => {
    const params = new URL(path ?? "", "http://x").searchParams;
    return { from: params.get("from"), to: params.get("to") };
  };
  const FIRST = { from: DAY.from, to: "2026-11-18T19:00:00.000Z" };

  it("stays in it, by its day, its hour and its month", () => {
    expect(spanOf(drillTarget(here("group_by=day"), "day", "2026-11-18"))).toEqual({ from: DAY.from, to: "2026-11-19T00:00:00.000Z" });
    expect(spanOf(drillTarget(here("group_by=hour"), "hour", "2026-11-18T18:00:00Z"))).toEqual(FIRST);
    expect(spanOf(drillTarget(here("group_by=user"), "month", "2026-11"))).toEqual(DAY);
    expect(spanOf(figureTarget(here("group_by=hour,user"), "requests", row({ hour: "2026-11-18T18:00:00Z", user_id: "ann", requests: 1 })))).toEqual(FIRST);
  });

  it("stays in it where refusals are asked for", () => {
    const target = figureTarget(here("group_by=hour"), "refused", row({ hour: "2026-11-18T18:00:00Z", refused: 1 }));
    expect(Object.fromEntries(new URLSearchParams(new URLSearchParams(target ?? "").get("refused") ?? ""))).toEqual(FIRST);
  });
});

describe("a click on a part of a column", () => {
  it("keeps the group and the time", () => {
    expect(decoded(partTarget(asked("group_by=user&period=7d"), "day", "2026-11-19", "user", "ann"))).toBe(
      "/admin/usage?group_by=model&period=custom&from=2026-11-19T00:00:00.000Z&to=2026-11-20T00:00:00.000Z&user=ann",
    );
    expect(decoded(partTarget(asked("group_by=day,model&user=ann&period=7d"), "day", "2026-11-19", "model", "m:1"))).toBe(
      "/admin/usage?group_by=hour&user=ann&period=custom&from=2026-11-19T00:00:00.000Z&to=2026-11-20T00:00:00.000Z&model=m:1",
    );
    expect(decoded(partTarget(asked("group_by=user,model&period=7d"), "day", "2026-11-19", "user", "ann"))).toMatch(/group_by=model&.*user=ann$/);
  });
  it("opens the calls where they alone remain", () => {
    expect(decoded(partTarget(asked("group_by=hour,model&user=ann&period=today"), "hour", HOUR.replace("19T", "20T"), "model", "m:1"))).toBe(
      "/admin/calls?user=ann&period=custom&from=2026-11-20T13:00:00.000Z&to=2026-11-20T14:00:00.000Z&model=m:1",
    );
  });
});

it("gives the same rows as a file", () => {
  const href = csvHref(asked("group_by=user,model&order_by=-errors&period=today&key=k&after=50"));
  expect(decoded(href)).toBe(
    "/admin/usage/summary.csv?from=2026-11-20T00:00:00.000Z&to=2026-11-20T12:30:00.000Z&compare=true&compare_from=2026-11-19T00:00:00.000Z&group_by=user,model&key_id=k&order_by=-errors",
  );
  expect(csvHref(asked("", false))).toMatch(/^\/v1\/usage\/summary\.csv\?/);
});
