import { describe, expect, it } from "vitest";

import { askedOf, csvHref, shownInWords } from "~/parts/calls";
import { endInWords } from "~/parts/callWords";
import { periodOf } from "~/parts/period";
import { spansOf } from "~/parts/timeline";

const MONTH = periodOf(new URLSearchParams(), new Date("2026-11-20T12:00:00Z"));
const SPAN = { from: "2026-11-01T00:00:00.000Z", to: "2026-12-01T00:00:00.000Z" };

describe("askedOf", () => {
  it("reads every filter of the URL by the name the API has for it", () => {
    const params = new URLSearchParams({ user: "ann", model: "m:1", status: "failed", key: "key_1", period: "7d" });
    expect(askedOf(params, MONTH)).toEqual({ ...SPAN, user_id: "ann", model: "m:1", status: "failed", key_id: "key_1" });
  });

  it("leaves out what is empty, and a status there is not", () => {
    expect(askedOf(new URLSearchParams({ user: "", status: "toString" }), MONTH)).toEqual(SPAN);
  });

  it("is about the page's own user, whatever the URL says", () => {
    expect(askedOf(new URLSearchParams({ user: "ann" }), MONTH, "bob")).toEqual({ ...SPAN, user_id: "bob" });
  });
});

describe("how many rows are shown", () => {
  const calls = (many: number) => Array.from({ length: many }, () => ({ endpoint: "/v1/chat/completions" }));
  const correction = { endpoint: "adjustment" };

  it.each([
    [calls(25), 25, "25 of 25 calls, newest first"],
    [[correction, ...calls(25)], 25, "25 of 25 calls and 1 correction, newest first"],
    [[...calls(48), correction, correction], 1203, "48 of 1,203 calls and 2 corrections, newest first"],
    [calls(1), 1, "1 of 1 call, newest first"],
    [[correction], 0, "0 of 0 calls and 1 correction, newest first"],
  ])("is never more calls than there are (%#)", (rows, all, words) => expect(shownInWords(rows, all)).toBe(words));
});

it("asks for the same calls as a file", () => {
  const href = csvHref(true, { ...SPAN, user_id: "a&b" });
  expect(href).toBe("/admin/usage.csv?from=2026-11-01T00%3A00%3A00.000Z&to=2026-12-01T00%3A00%3A00.000Z&user_id=a%26b");
  expect(csvHref(false, SPAN)).toMatch(/^\/v1\/usage\.csv\?/);
});

describe("spansOf", () => {
  const msOf = (call: Parameters<typeof spansOf>[0]) => spansOf(call).map(({ id, ms, share }) => [id, ms, share]);

  it("cuts a call at the moments it tells", () => {
    expect(msOf({ queued_ms: 100, first_token_ms: 400, latency_ms: 2000, stream: true })).toEqual([
      ["queued", 100, 0.05],
      ["waiting", 300, 0.15],
      ["streaming", 1600, 0.8],
    ]);
  });

  it("only waits where no token was seen", () => {
    expect(msOf({ queued_ms: 0, first_token_ms: null, latency_ms: 500, stream: false })).toEqual([
      ["queued", 0, 0],
      ["waiting", 500, 1],
    ]);
  });

  it("never adds up to more than the whole", () => {
    for (const call of [
      { queued_ms: 900, first_token_ms: 100, latency_ms: 500, stream: true },
      { queued_ms: 0, first_token_ms: 0, latency_ms: 0, stream: true },
    ]) {
      const spans = spansOf(call);
      expect(spans.reduce((sum, { ms }) => sum + ms, 0)).toBe(call.latency_ms);
      expect(spans.every(({ ms, share }) => ms >= 0 && share >= 0 && share <= 1)).toBe(true);
    }
  });
});

describe("endInWords", () => {
  const call = { status: "completed", finish_reason: "stop", estimated: false, first_token_ms: 3, cost_usd: "0" } as const;

  it("says how it ended, whatever the upstream's word", () => {
    expect(endInWords(call)).toBe("The model ended its answer by itself.");
    expect(endInWords({ ...call, finish_reason: "constructor" })).toContain("“constructor”");
    expect(endInWords({ ...call, finish_reason: null })).toBe("It was answered whole.");
  });

  it("says what is charged of what broke off", () => {
    expect(endInWords({ ...call, status: "failed", first_token_ms: null })).toContain("Nothing is charged");
    expect(endInWords({ ...call, status: "cancelled", estimated: true })).toMatch(/is charged\. .*estimated/);
  });
});
