// @vitest-environment node
import { describe, expect, it } from "vitest";

import { billOf, perMillion } from "~/features/calls/bill";

const PRICE = {
  id: 1,
  model: "m",
  input_usd_per_mtok: "0.15",
  upstream: null,
  tier: null,
  above_input_tokens: null,
  cached_input_usd_per_mtok: "0.075",
  seeded: false,
  cache_write_usd_per_mtok: null,
  cache_write_1h_usd_per_mtok: null,
  output_usd_per_mtok: "0.6",
  usd_per_request: null,
  usd_per_image: null,
  audio_usd_per_minute: null,
  speech_usd_per_mchar: null,
  effective_at: "2026-11-01T00:00:00.000Z",
  created_at: "2026-11-01T00:00:00.000Z",
};

const NO_UNITS = { images: 0, audio_ms: 0, characters: 0, status: "completed" } as const;

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
    const counts = { prompt_tokens: 1000, cached_tokens: 300, cache_write_tokens: 200, cache_write_1h_tokens: 0, completion_tokens: 7, ...NO_UNITS };
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

  it("has a line of its own for what is kept for an hour, which without a price costs what is kept for less", () => {
    const counts = { prompt_tokens: 200, cached_tokens: 0, cache_write_tokens: 200, cache_write_1h_tokens: 150, completion_tokens: 0, ...NO_UNITS };
    const kept = (price: Record<string, string>) => {
      const line = billOf(counts, { ...PRICE, ...price }).lines.find(({ label }) => label === "Input kept for an hour");
      return [line?.tokens, line?.price, line?.asInput];
    };
    expect(billOf(counts, PRICE).lines.map(({ tokens }) => tokens)).toEqual([0, 50, 150, 0]);
    expect(kept({})).toEqual([150, "0.15", true]);
    expect(kept({ cache_write_usd_per_mtok: "0.2" })).toEqual([150, "0.2", false]);
    expect(kept({ cache_write_usd_per_mtok: "0.2", cache_write_1h_usd_per_mtok: "0.3" })).toEqual([150, "0.3", false]);
  });

  it("shows input and output even where there is none, and no other empty class", () => {
    const bill = billOf({ prompt_tokens: 0, cached_tokens: 0, cache_write_tokens: 0, cache_write_1h_tokens: 0, completion_tokens: 0, ...NO_UNITS }, PRICE);
    expect(bill.lines.map(({ label }) => label)).toEqual(["Input", "Output"]);
    expect(bill.sum).toBe("0");
  });

  it("has a line for each unit that has a price", () => {
    const counts = { prompt_tokens: 0, cached_tokens: 0, cache_write_tokens: 0, cache_write_1h_tokens: 0, completion_tokens: 0 };
    const units = { images: 2, audio_ms: 90_001, characters: 5, status: "completed" } as const;
    const price = { ...PRICE, usd_per_request: "0.002", usd_per_image: "0.04", audio_usd_per_minute: "0.006", speech_usd_per_mchar: "15" };
    const bill = billOf({ ...counts, ...units }, price);
    expect(bill.lines.slice(2).map(({ label, tokens, per, amount }) => [label, tokens, per, amount])).toEqual([
      ["Characters", 5, undefined, "0.000075"],
      ["Seconds of audio", 90.001, "minute", "0.0090001"],
      ["Images", 2, "image", "0.08"],
      ["The request", 1, "request", "0.002"],
    ]);
    expect(billOf({ ...counts, ...NO_UNITS, status: "failed" }, price).lines).toHaveLength(2);
  });
});
