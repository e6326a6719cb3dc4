import { describe, expect, it } from "vitest";

import { csvHref, drillTarget, explorerPath, figureTarget } from "~/features/explorer/links";

import { asked, row } from "./samples";

const decoded = (path: string | null) => (path === null ? null : decodeURIComponent(path));
const HOUR = "2026-11-19T13:00:00Z";

describe("a click on a figure", () => {
  const of = (search: string, name: Parameters<typeof figureTarget>[1], given: object, admin = true) => decoded(figureTarget(asked(search, admin), name, row(given)));

  it("of requests opens the calls that were counted", () => {
    expect(of("group_by=user,hour&order_by=-errors&team=blue", "requests", { user_id: "ann", hour: HOUR, requests: 3 })).toBe(
      "/admin/calls?team=blue&user=ann&period=custom&from=2026-11-19T13:00Z&to=2026-11-19T14:00Z",
    );
    expect(of("group_by=model&period=7d", "requests", { model: "m:1", requests: 3 }, false)).toBe("/calls?period=7d&model=m:1");
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
    "/admin/calls?user=ann&model=m:1&period=custom&from=2026-11-19T13:00Z&to=2026-11-19T14:00Z",
  );
  expect(drillTarget(asked("period=today", false), "model", "m")).toMatch(/^\/usage\?/);
});

it("is found from other pages, with their period and a filter", () => {
  const path = explorerPath(true, "model", [{ by: "user", value: "ann" }], "?period=7d&q=x&after=9");
  expect(path).toBe("/admin/usage?period=7d&group_by=model&user=ann");
  expect(explorerPath(false, "model")).toBe("/usage?group_by=model");
});

it("gives the same rows as a file", () => {
  const href = csvHref(asked("group_by=user,model&order_by=-errors&period=today&key=k&after=50"));
  expect(decoded(href)).toBe(
    "/admin/usage/summary.csv?from=2026-11-20T00:00:00.000Z&to=2026-11-20T12:30:00.000Z&compare=true&compare_from=2026-11-19T00:00:00.000Z&group_by=user,model&key_id=k&order_by=-errors",
  );
  expect(csvHref(asked("", false))).toMatch(/^\/v1\/usage\/summary\.csv\?/);
});
