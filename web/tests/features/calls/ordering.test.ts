import { expect, it } from "vitest";

import { shownInWords } from "~/features/calls/calls";
import { orderAfterClick, orderOf } from "~/features/calls/ordering";

it("is the order that the URL names, or newest first", () => {
  expect(orderOf(new URLSearchParams({ order_by: "-cost_usd" }))).toBe("-cost_usd");
  expect(orderOf(new URLSearchParams({ order_by: "toString" }))).toBe("-created_at");
  expect(orderOf(new URLSearchParams())).toBe("-created_at");
});

it("begins with the largest at the first click on a head, and turns round at the next", () => {
  expect(orderAfterClick("-created_at", "cost_usd")).toBe("-cost_usd");
  expect(orderAfterClick("-cost_usd", "cost_usd")).toBe("cost_usd");
  expect(orderAfterClick("cost_usd", "cost_usd")).toBe("-cost_usd");
  expect(orderAfterClick("-cost_usd", "created_at")).toBe("-created_at");
});

it("says the order in words", () => {
  expect(shownInWords([{ endpoint: "/v1/embeddings" }], 2, "-latency_ms")).toBe("1 of 2 calls, slowest first");
});
