// @vitest-environment node
import { describe, expect, it } from "vitest";

import { describeChange, inverse, sizeOf, withChange } from "~/features/limits/change";
import { COUNT_NAMES, type Limits } from "~/features/limits/names";

const NO_COUNTS = Object.fromEntries(COUNT_NAMES.map((name) => [name, null])) as Limits["models"][string];
const SET: Limits = {
  ...NO_COUNTS,
  tokens_per_day: 1_000_000,
  cost_usd_total: 1e-12,
  max_concurrent_requests: 0,
  max_tokens_per_request: null,
  queue_weight: null,
  alerts: null,
  allowed_models: ["a", "b"],
  models: { "eye:latest": { ...NO_COUNTS, tokens_per_day: 2000, cost_usd_per_day: 0.5 } },
};

describe("undo", () => {
  it("sends back what was there, exactly", () => {
    const change = { cost_usd_total: "5", tokens_per_day: null, requests_per_hour: 3, allowed_models: null };
    expect(inverse(SET, change)).toEqual({
      cost_usd_total: "0.000000000001",
      tokens_per_day: 1_000_000,
      requests_per_hour: null,
      allowed_models: ["a", "b"],
    });
  });

  it("brings a removed model back whole, and takes an added one away", () => {
    expect(inverse(SET, { models: { "eye:latest": null, new: { tokens_per_day: 1 } } })).toEqual({
      models: { "eye:latest": { tokens_per_day: 2000, cost_usd_per_day: "0.5" }, new: null },
    });
    expect(inverse(SET, { models: { "eye:latest": { tokens_per_day: 1, requests_total: 2 } } })).toEqual({
      models: { "eye:latest": { tokens_per_day: 2000, requests_total: null } },
    });
  });
});

describe("a change in words", () => {
  it.each([
    [{ tokens_per_day: 50_000 }, "tokens per day: 50,000"],
    [{ cost_usd_per_month: "5.5" }, "cost per month: $5.50"],
    [{ max_concurrent_requests: null }, "requests at once: no limit"],
    [{ allowed_models: [] }, "allowed models"],
    [{ models: { a: { tokens_per_day: 1, requests_total: 2 } } }, "2 limits"],
    [{ tokens_per_day: 1, models: { a: null } }, "2 limits"],
  ])("%j is “%s”", (change, words) => {
    expect(describeChange(change)).toBe(words);
  });

  it("counts each limit once", () => {
    expect(sizeOf({ tokens_per_day: 1, allowed_models: null, models: { a: null, b: { tokens_per_day: 1, requests_total: 1 } } })).toBe(5);
  });
});

describe("the meters before the gateway has answered", () => {
  const usage = {
    tokens_per_day: { limit: 100, used: 60, reserved: 10, remaining: 30, resets_at: null },
    cost_usd_per_day: { limit: 1, used: 0.1, reserved: 0.2, remaining: 0.7, resets_at: null },
    requests_per_day: { limit: 5, used: 1, reserved: 0, remaining: 4, resets_at: null },
  };

  it("show the new limit and what is left of it, drop what was cleared, and keep the rest", () => {
    const next = withChange(usage, { tokens_per_day: 50, cost_usd_per_day: "0.6", requests_per_day: null, tokens_total: 7 });
    expect(next).toEqual({
      tokens_per_day: { ...usage.tokens_per_day, limit: 50, remaining: 0 },
      cost_usd_per_day: { ...usage.cost_usd_per_day, limit: 0.6, remaining: 0.3 },
    });
  });
});

describe("alerts", () => {
  it("are described and undone", () => {
    expect(describeChange({ alerts: [50, 80] })).toBe("alerts at 50 and 80 %");
    expect(describeChange({ alerts: null })).toBe("alerts as usual");
    expect(inverse({ ...SET, alerts: [90] }, { alerts: [] })).toEqual({ alerts: [90] });
  });
});
