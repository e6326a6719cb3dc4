// @vitest-environment node
import { describe, expect, it } from "vitest";

import { describeEnding } from "~/features/calls/ending";

describe("describeEnding", () => {
  const call = { status: "completed", finish_reason: "stop", estimated: false, first_token_ms: 3, error: null } as const;

  it("says how it ended, whatever the upstream's word", () => {
    expect(describeEnding(call)).toBe("The model ended its answer by itself.");
    expect(describeEnding({ ...call, finish_reason: "constructor" })).toContain("“constructor”");
    expect(describeEnding({ ...call, finish_reason: null })).toBe("It was answered whole.");
  });

  it("says why, and what the upstream answered", () => {
    const error = { code: "context_length_exceeded", status: 400, message: "m" };
    expect(describeEnding({ ...call, status: "failed", first_token_ms: null, error })).toBe(
      "The request was longer than the model’s context. Send a shorter one. The upstream answered with status 400. Nothing is charged.",
    );
    const broken = { code: "stream_interrupted", status: null, message: "m" };
    expect(describeEnding({ ...call, status: "failed", error: broken })).toBe(
      "The upstream broke off in the middle of its answer. What was generated until then is charged.",
    );
  });

  it("says what the gateway says of a reason that it does not know", () => {
    const error = { code: "constructor", status: null, message: "Something new." };
    expect(describeEnding({ ...call, status: "cancelled", first_token_ms: null, error })).toBe("Something new.");
  });

  it("says what is charged of what broke off", () => {
    expect(describeEnding({ ...call, status: "failed", first_token_ms: null })).toContain("Nothing is charged");
    expect(describeEnding({ ...call, status: "cancelled", estimated: true })).toMatch(/is charged\. .*estimated/);
  });
});
