// @vitest-environment node
import { describe, expect, it } from "vitest";

import { changeOf, type Draft, draftOf, readAlerts, readFigure } from "~/features/limits/draft";
import { COUNT_NAMES, FIGURE_NAMES, type Limits } from "~/features/limits/names";

const NO_COUNTS = Object.fromEntries(COUNT_NAMES.map((name) => [name, null])) as Limits["models"][string];

function limits(some: Partial<Limits>): Limits {
  return { ...NO_COUNTS, max_concurrent_requests: null, max_tokens_per_request: null, queue_weight: null, alerts: null, allowed_models: null, models: {}, ...some };
}

/** The change that follows from an edit of the texts. */
function edited(before: Limits, edit: (draft: Draft) => Partial<Draft>) {
  const draft = draftOf(before);
  return changeOf(before, { ...draft, ...edit(draft) });
}

const SET = limits({
  requests_per_minute: 60,
  tokens_per_day: 1_000_000,
  cost_usd_per_month: 12.5,
  cost_usd_total: 1e-12,
  max_concurrent_requests: 0,
  allowed_models: ["a", "b"],
  models: { "eye:latest": { ...NO_COUNTS, tokens_per_day: 2000, cost_usd_per_day: 0.5 } },
});

describe("the fields", () => {
  it("show what there is, money exactly, and nothing where there is no limit", () => {
    const { figures, models } = draftOf(SET);
    expect(figures).toEqual({
      requests_per_minute: "60",
      tokens_per_day: "1,000,000",
      cost_usd_per_month: "12.5",
      cost_usd_total: "0.000000000001",
      max_concurrent_requests: "0",
    });
    expect(models).toEqual({ "eye:latest": { tokens_per_day: "2,000", cost_usd_per_day: "0.5" } });
  });

  it("name every limit there is", () => {
    const named = [...FIGURE_NAMES, "alerts", "allowed_models", "models"];
    expect([...named].sort()).toEqual(Object.keys(SET).sort());
  });
});

describe("a figure", () => {
  it.each([
    ["tokens_per_day", "", null],
    ["tokens_per_day", "  ", null],
    ["tokens_per_day", "0", 0],
    ["queue_weight", "", null],
    ["queue_weight", "1", 1],
    ["queue_weight", "100", 100],
    ["tokens_per_day", "1,000,000", 1_000_000],
    ["tokens_per_day", "1000000000000000", 1e15],
    ["cost_usd_per_day", "0", "0"],
    ["cost_usd_per_day", "0.00", "0"],
    ["cost_usd_per_day", "$1,234.50", "1234.5"],
    ["cost_usd_per_day", "007.10", "7.1"],
    ["cost_usd_per_day", "123456789012.123456789012", "123456789012.123456789012"],
    ["cost_usd_per_day", "0.1000000000000000", "0.1"],
  ])("of %s is read from %j as %j", (name, text, value) => {
    expect(readFigure(name, text)).toEqual({ value });
  });

  it.each([
    ["queue_weight", "0"],
    ["queue_weight", "101"],
    ["queue_weight", "1.5"],
    ["tokens_per_day", "1.5"],
    ["tokens_per_day", "-1"],
    ["tokens_per_day", "1e3"],
    ["tokens_per_day", "1,00"],
    ["tokens_per_day", "1000000000000001"],
    ["cost_usd_per_day", "0,5"],
    ["cost_usd_per_day", "0,500"],
    ["cost_usd_per_day", "-1"],
    ["cost_usd_per_day", "1e-3"],
    ["cost_usd_per_day", "."],
    ["cost_usd_per_day", "0.0000000000001"],
    ["cost_usd_per_day", "1000000000000000.1"],
  ])("of %s is not made of %j", (name, text) => {
    expect(readFigure(name, text)).toHaveProperty("fault");
  });

  it.each([
    ["tokens_per_day", "1000000000000001", "At most 1,000,000,000,000,000."],
    ["cost_usd_per_day", "1000000000000000.1", "At most $1,000,000,000,000,000."],
    ["queue_weight", "101", "A whole number from 1 to 100; empty is 1."],
  ])("of %s names the most that it can be", (name, text, fault) => expect(readFigure(name, text)).toEqual({ fault }));
});

describe("the body that is sent", () => {
  it("is empty where nothing was edited, or was written otherwise only", () => {
    expect(edited(SET, () => ({})).change).toEqual({});
    const same = edited(SET, ({ figures }) => ({ figures: { ...figures, tokens_per_day: "1000000", cost_usd_per_month: "$12.50" } }));
    expect(same).toEqual({ change: {}, faults: {} });
  });

  it("has what was set, cleared and blocked, and no more", () => {
    const { change, faults } = edited(SET, ({ figures }) => ({
      figures: { ...figures, requests_per_minute: "", tokens_per_day: "0", cost_usd_per_day: "0.1", max_tokens_per_request: "500" },
    }));
    expect(change).toEqual({ requests_per_minute: null, tokens_per_day: 0, cost_usd_per_day: "0.1", max_tokens_per_request: 500 });
    expect(faults).toEqual({});
  });

  it("has no figure that could not be read; the fault is named as the API names the field", () => {
    const { change, faults } = edited(SET, ({ figures, models }) => ({
      figures: { ...figures, tokens_per_day: "many", requests_per_hour: "7" },
      models: { "eye:latest": { ...models["eye:latest"], requests_total: "x" } },
    }));
    expect(change).toEqual({ requests_per_hour: 7 });
    expect(Object.keys(faults)).toEqual(["tokens_per_day", "models.eye:latest.requests_total"]);
  });

  it("tells all models from none and from some", () => {
    expect(edited(SET, () => ({ allowed: null })).change).toEqual({ allowed_models: null });
    expect(edited(SET, () => ({ allowed: [] })).change).toEqual({ allowed_models: [] });
    expect(edited(limits({}), () => ({ allowed: [] })).change).toEqual({ allowed_models: [] });
    expect(edited(SET, () => ({ allowed: ["a", "b"] })).change).toEqual({});
  });

  it("changes, adds, empties and removes the limits of one model", () => {
    const change = (models: Draft["models"]) => edited(SET, () => ({ models })).change;
    const own = { tokens_per_day: "2,000", cost_usd_per_day: "0.5" };
    expect(change({ "eye:latest": { ...own, tokens_per_day: "", requests_total: "9" } })).toEqual({
      models: { "eye:latest": { tokens_per_day: null, requests_total: 9 } },
    });
    expect(change({ "eye:latest": own, new: { tokens_per_day: "0" } })).toEqual({ models: { new: { tokens_per_day: 0 } } });
    expect(change({ "eye:latest": own, new: {} })).toEqual({});
    expect(change({ "eye:latest": { tokens_per_day: "", cost_usd_per_day: " " } })).toEqual({ models: { "eye:latest": null } });
    expect(change({})).toEqual({ models: { "eye:latest": null } });
  });
});

describe("alerts", () => {
  it("reads percentages, each once and in order", () => {
    expect(readAlerts(" 100, 50 % 80,50 ")).toEqual({ value: [50, 80, 100] });
    expect(readAlerts("")).toEqual({ value: null });
    expect(readAlerts("none")).toEqual({ value: [] });
  });

  it.each(["0", "101", "x", "5.5", "1,2,3,4,5,6,7,8,9,10,11"])("says what is wrong with %s", (text) => {
    expect(readAlerts(text)).toHaveProperty("fault");
  });

  it("are sent where they differ", () => {
    expect(edited(limits({ alerts: [50] }), () => ({ alerts: "50" })).change).toEqual({});
    expect(edited(limits({ alerts: [50] }), () => ({ alerts: "" })).change).toEqual({ alerts: null });
    expect(edited(limits({}), () => ({ alerts: "none" })).change).toEqual({ alerts: [] });
    expect(edited(limits({}), () => ({ alerts: "x" })).faults).toHaveProperty("alerts");
  });
});
