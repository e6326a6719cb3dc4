import { describe, expect, it } from "vitest";

import { billOf, perMillion } from "~/parts/bill";

const PRICE = {
  id: 1,
  model: "m",
  input_usd_per_mtok: "0.15",
  cached_input_usd_per_mtok: "0.075",
  cache_write_usd_per_mtok: null,
  output_usd_per_mtok: "0.6",
  effective_at: "2026-11-01T00:00:00.000Z",
  created_at: "2026-11-01T00:00:00.000Z",
};

describe("perMillion", () => {
  it("keeps every digit", () => {
    expect(perMillion(1, "0.000001")).toBe("0.000000000001");
    expect(perMillion(123_457, "0.15")).toBe("0.01851855");
    expect(perMillion(9_007_199_254_740_991, "999999.999999")).toBe("9007199254731983.800745259009");
    expect(perMillion(1_000_000, "10")).toBe("10");
    expect(perMillion(0, "10")).toBe("0");
  });
});

describe("billOf", () => {
  it("takes what was cached out of the input, and adds up to the cost", () => {
    const counts = { prompt_tokens: 1000, cached_tokens: 300, cache_write_tokens: 200, completion_tokens: 7 };
    const bill = billOf(counts, PRICE);
    expect(bill.lines.map(({ label, tokens, amount }) => [label, tokens, amount])).toEqual([
      ["Input", 500, "0.000075"],
      ["Input from cache", 300, "0.0000225"],
      ["Input kept in cache", 200, "0.00003"],
      ["Output", 7, "0.0000042"],
    ]);
    expect(bill.lines.map(({ asInput }) => asInput)).toEqual([false, false, true, false]);
    expect(bill.sum).toBe("0.0001317");
  });

  it("shows input and output even where there is none, and no other empty class", () => {
    const bill = billOf({ prompt_tokens: 0, cached_tokens: 0, cache_write_tokens: 0, completion_tokens: 0 }, PRICE);
    expect(bill.lines.map(({ label }) => label)).toEqual(["Input", "Output"]);
    expect(bill.sum).toBe("0");
  });
});
