// @vitest-environment node
import { describe, expect, it } from "vitest";

import { phasesOf } from "~/features/calls/timeline";

describe("phasesOf", () => {
  const msOf = (call: Parameters<typeof phasesOf>[0]) => phasesOf(call).map(({ id, ms, share }) => [id, ms, share]);

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
      const spans = phasesOf(call);
      expect(spans.reduce((sum, { ms }) => sum + ms, 0)).toBe(call.latency_ms);
      expect(spans.every(({ ms, share }) => ms >= 0 && share >= 0 && share <= 1)).toBe(true);
    }
  });
});
