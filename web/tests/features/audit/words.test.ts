// @vitest-environment node
import { describe, expect, it } from "vitest";

import { actionWords, actorWords, detailLine, fieldWords } from "~/features/audit/words";

describe("the audit log", () => {
  it("knows actions, and shows others as they are", () => {
    expect(actionWords("key.revoke")).toBe("Revoked a key");
    expect(actionWords("toString")).toBe("toString");
  });

  it("says a change in one line", () => {
    expect(detailLine({ status: "suspended", name: null })).toBe("Status: suspended");
    expect(detailLine({ limits: { requests_per_minute: 60, cost_usd_per_day: null, allowed_models: ["a"], models: { b: { tokens_per_day: 5 } } } })).toBe(
      "60 requests per minute · only a · 5 tokens per day of b",
    );
    expect(detailLine({ prices: [{ model: "a*", input_usd_per_mtok: "0.05", output_usd_per_mtok: "0.1" }] })).toBe("a*: $0.05 in, $0.10 out");
  });

  it("leaves names that are not fields as they are", () => {
    expect(fieldWords("cost_usd_per_month")).toBe("Cost ($) per month");
    expect(fieldWords("llama3.2:1b")).toBe("llama3.2:1b");
  });

  it("knows who is not a user", () => {
    expect(actorWords("@bootstrap")).toBe("the bootstrap admin key");
    expect(actorWords("ann")).toBe("ann");
  });
});
