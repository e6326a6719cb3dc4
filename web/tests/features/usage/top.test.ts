// @vitest-environment node
import { expect, it } from "vitest";

import { topModels } from "~/features/usage/top";

const row = (model: string | null, cost_usd: string, requests = 1, day = "2026-11-20") => ({ day, model, cost_usd, requests, total_tokens: 10 * requests });

it("adds up the days of each model, those first that cost most, then those with most requests", () => {
  const rows = [row("a", "0", 5), row("b", "0.1"), row("b", "0.2", 2, "2026-11-21"), row("c", "0.25"), row("d", "0", 7), row(null, "-9", 0)];
  expect(topModels(rows).map(({ id, cost_usd, requests, total_tokens }) => [id, cost_usd, requests, total_tokens])).toEqual([
    ["b", "0.3", 3, 30],
    ["c", "0.25", 1, 10],
    ["d", "0", 7, 70],
    ["a", "0", 5, 50],
  ]);
});

it("has ten at most", () => {
  expect(topModels(Array.from({ length: 12 }, (_, at) => row(`m${at}`, "0.1")))).toHaveLength(10);
});
