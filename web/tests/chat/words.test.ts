import { describe, expect, it } from "vitest";

import { planOf } from "~/pages/chat/images";
import { priceOf } from "~/pages/chat/price";
import { adviceOf, againOf, goneAs, limitOf, titleOfFailure, toldOfFailure } from "~/pages/chat/refusal";
import type { Failure } from "~/pages/chat/talk";

const NOW = Date.parse("2026-11-20T12:00:00Z");
const failure = (code: string | null, message: string, seconds: number | null = null): Failure => ({
  code,
  message,
  retryAt: seconds === null ? null : NOW + seconds * 1000,
});

describe("a refusal", () => {
  const pace = failure("rate_limit_exceeded", "You have reached the limit requests_per_minute (5). Try again in 12 s.", 12);
  const used = failure("insufficient_quota", "You have used up the limit tokens_per_day for llama3.2:1b (100). There is room at …", 43_200);
  const total = failure("insufficient_quota", "You have used up the limit cost_usd_total ($5.00). It does not reset.");
  const large = failure("limit_too_small", "The request may need 900, and the limit tokens_per_minute (10) is less. Send a shorter one.");
  const held = failure("rate_limit_exceeded", "Requests of yours that are running hold what is left of the limit tokens_per_day (9). Try again when they have ended.");

  it.each([
    [pace, "requests_per_minute"],
    [used, "models.llama3.2:1b.tokens_per_day"],
    [total, "cost_usd_total"],
    [large, "tokens_per_minute"],
    [held, "tokens_per_day"],
    [failure("rate_limit_exceeded", "Slow down."), null],
  ])("%# names its limit", (told, name) => expect(limitOf(told)).toBe(name));

  it.each([
    [pace, "You have reached your limit: requests per minute", "You can ask again in 12 s."],
    [used, "You have used up your limit: tokens per day, llama3.2:1b", "You can ask again in 12 hr., on 21 Nov, 01:00."],
    [total, "You have used up your limit: cost in all", "It does not reset by itself. Ask the operator for more."],
    [large, "This does not fit into your limit: tokens per minute", "The request may need 900, and the limit tokens per minute (10) is less. Send a shorter one."],
    [held, "You have reached your limit: tokens per day", "Requests of yours that are running hold what is left of the limit tokens per day (9). Try again when they have ended."],
    [failure("rate_limit_exceeded", "Slow down.", 3), "You have reached your limit", "Slow down. You can ask again in 3 s."],
    [failure("account_suspended", "Ask an admin."), "Your account is suspended", "Ask an admin."],
    [failure(null, "Hm."), "No answer came", "Hm."],
  ])("%# is told in plain words", (told, title, advice) => {
    expect(titleOfFailure(told, "refused")).toBe(title);
    expect(adviceOf(told, NOW)).toBe(advice);
  });

  it("is read out without names and times of machines", () => {
    expect(toldOfFailure(used, "refused", NOW)).toBe(
      "You have used up your limit: tokens per day, llama3.2:1b. You can ask again in 12 hr., on 21 Nov, 01:00.",
    );
    const raw = failure(null, "The limits max_tokens_per_request and max_concurrent_requests hold until 2026-11-21T00:00:00Z.");
    expect(toldOfFailure(raw, "cut", NOW)).toBe("The answer broke off. The limits tokens in one request and requests at once hold until 21 Nov, 01:00.");
    for (const told of [pace, used, total, large, held]) expect(toldOfFailure(told, "refused", NOW)).not.toMatch(/_|\dT\d/);
  });

  it("of a session that is no longer the one that asked tells where the question is", () => {
    const session = (user_id: string) =>
      ({ user: { user_id, name: null, role: "user", status: "active" }, csrf_token: "", created_at: "", expires_at: "" }) as const;
    expect(goneAs("alice", session("alice"))).toBeNull();
    expect(goneAs("alice", undefined)).toBeNull();
    expect(goneAs("alice", session("bob"))).toMatch(/^bob is signed in now, by another tab\. What you asked as alice was not sent\./);
    expect(goneAs("alice", null)).toMatch(/^alice is no longer signed in\./);
  });

  it("that broke an answer off says so", () => {
    expect(titleOfFailure(failure(null, "x"), "cut")).toBe("The answer broke off");
  });

  it("whose time has come says that one can ask again", () => expect(againOf(pace, NOW + 12_000)).toBe("You can ask again now."));
});

describe("an image", () => {
  it.each([
    [{ width: 800, height: 600, bytes: 200_000, type: "image/png" }, "as it is"],
    [{ width: 800, height: 600, bytes: 200_000, type: "image/webp" }, { width: 800, height: 600 }],
    [{ width: 800, height: 600, bytes: 4_000_000, type: "image/png" }, { width: 800, height: 600 }],
    [{ width: 4000, height: 3000, bytes: 900_000, type: "image/jpeg" }, { width: 1536, height: 1152 }],
    [{ width: 10, height: 40_000, bytes: 900_000, type: "image/jpeg" }, { width: 1, height: 1536 }],
  ])("%# is sent as it should", (picture, plan) => expect(planOf(picture)).toEqual(plan));
});

describe("a price", () => {
  const base = { id: "m", object: "model", created: 0, owned_by: "library", vision: null } as const;
  const pricing = {
    id: 1, model: "m", cached_input_usd_per_mtok: null, cache_write_usd_per_mtok: null, effective_at: "", created_at: "",
  };

  it("is said in a few words", () => {
    expect(priceOf({ ...base, pricing: null })).toBe("No price");
    expect(priceOf({ ...base, pricing: { ...pricing, input_usd_per_mtok: "0.00", output_usd_per_mtok: "0" } })).toBe("Free");
    expect(priceOf({ ...base, pricing: { ...pricing, input_usd_per_mtok: "0.05", output_usd_per_mtok: "0.1" } })).toBe(
      "$0.05 in, $0.10 out per million tokens",
    );
  });
});
