// @vitest-environment node
import { describe, expect, it } from "vitest";

import { describeEnding } from "~/features/calls/ending";

describe("describeEnding", () => {
  const call = { status: "completed", finish_reason: "stop", estimated: false, first_token_ms: 3, cost_usd: "0" } as const;

  it("says how it ended, whatever the upstream's word", () => {
    expect(describeEnding(call)).toBe("The model ended its answer by itself.");
    expect(describeEnding({ ...call, finish_reason: "constructor" })).toContain("“constructor”");
    expect(describeEnding({ ...call, finish_reason: null })).toBe("It was answered whole.");
  });

  it("says what is charged of what broke off", () => {
    expect(describeEnding({ ...call, status: "failed", first_token_ms: null })).toContain("Nothing is charged");
    expect(describeEnding({ ...call, status: "cancelled", estimated: true })).toMatch(/is charged\. .*estimated/);
  });
});
