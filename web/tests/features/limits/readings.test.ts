// @vitest-environment node
import { describe, expect, it } from "vitest";

import { type Reading, readingsOf, sharesOf, stateOf } from "~/features/limits/readings";

const reading = (limit: number, used: number, reserved = 0): Reading => ({
  limit,
  used,
  reserved,
  remaining: Math.max(0, limit - used - reserved),
  resets_at: null,
});

describe("readings", () => {
  it.each([
    [reading(100, 79), "fine"],
    [reading(100, 70, 10), "near"],
    [reading(100, 95, 5), "full"],
    [reading(100, 120), "full"],
    [reading(0, 0), "full"],
    [reading(100, -5), "fine"],
  ])("%o is %s", (shown, state) => expect(stateOf(shown)).toBe(state));

  it("come in the order of how full they are, those of single models among them", () => {
    const found = readingsOf({
      tokens_per_day: reading(100, 10),
      cost_usd_total: reading(1, 0.9),
      models: { "eye:latest": { requests_total: reading(2, 1) } },
    });
    expect(found.map(([name]) => name)).toEqual(["cost_usd_total", "models.eye:latest.requests_total", "tokens_per_day"]);
  });

  it("never take more than the whole bar, and never less than none of it", () => {
    expect(sharesOf(reading(100, 90, 30))).toEqual({ used: 0.9, reserved: 1 - 0.9 });
    expect(sharesOf(reading(100, -5, 10))).toEqual({ used: 0, reserved: 0.1 });
    expect(sharesOf(reading(0, 0))).toEqual({ used: 1, reserved: 0 });
  });
});
