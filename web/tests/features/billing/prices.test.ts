import { expect, it } from "vitest";

import { isPattern, priceKey, scopeWords, statesOf } from "~/features/billing/prices";

const OF_ALL = { model: "gpt-4o", upstream: null, tier: null, above_input_tokens: null, seeded: false };

it("tells which version of a price is in force", () => {
  const versions = [
    { id: 4, effective_at: "2026-12-01T00:00:00Z" },
    { id: 5, effective_at: "2026-11-20T12:00:00Z" },
    { id: 1, effective_at: "2026-11-01T00:00:00Z" },
  ].map((version) => ({ ...OF_ALL, ...version }));
  const states = (at: string) => [...statesOf(versions, new Date(at)).values()];
  expect(states("2026-11-20T12:00:00Z")).toEqual(["to come", "in force", "past"]);
  expect(states("2026-11-20T11:59:59Z")).toEqual(["to come", "to come", "in force"]);
});

it("has a version in force for each upstream, tier and length of input", () => {
  const at = "2026-11-01T00:00:00Z";
  const versions = [
    { ...OF_ALL, id: 4, upstream: "azure-eu", effective_at: at },
    { ...OF_ALL, id: 3, above_input_tokens: 200_000, effective_at: at },
    { ...OF_ALL, id: 2, effective_at: at },
    { ...OF_ALL, id: 1, effective_at: at },
  ];
  expect([...statesOf(versions, new Date(at)).values()]).toEqual(["in force", "in force", "in force", "past"]);
  expect(new Set(versions.map(priceKey)).size).toBe(3);
});

it("takes an admin's price before a newer one from a list", () => {
  const versions = [
    { ...OF_ALL, id: 3, upstream: "router", seeded: true, effective_at: "2026-11-03T00:00:00Z" },
    { ...OF_ALL, id: 2, upstream: "Router", effective_at: "2026-11-02T00:00:00Z" },
    { ...OF_ALL, id: 1, upstream: "router", seeded: true, effective_at: "2026-11-01T00:00:00Z" },
  ];
  const states = (at: string) => [1, 2, 3].map((id) => statesOf(versions, new Date(at)).get(id));
  expect(states("2026-11-01T00:00:00Z")).toEqual(["in force", "to come", "to come"]);
  expect(states("2026-11-03T00:00:00Z")).toEqual(["past", "in force", "past"]);
});

it("says which requests a price is for", () => {
  expect(scopeWords(OF_ALL)).toBe("");
  expect(scopeWords({ upstream: "azure-eu", tier: "flex", above_input_tokens: 200_000 })).toBe("at azure-eu, of tier flex, above 200,000 input tokens");
});

it("knows a pattern from a name", () => {
  expect(isPattern("gpt-4o*")).toBe(true);
  expect(isPattern("llama3.2:1b")).toBe(false);
});
