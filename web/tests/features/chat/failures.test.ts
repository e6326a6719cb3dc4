// @vitest-environment node
import { describe, expect, it } from "vitest";

import type { Failure } from "~/features/chat/conversation";
import { adviceOf, describeFailure, limitOf, notSent, titleOfFailure } from "~/features/chat/failures";
import type { ReachedLimit } from "~/features/chat/reached";
import { clockOf, UTC } from "~/ui/clock";


const NOW = Date.parse("2026-11-20T12:00:00Z");
const failure = (code: string | null, message: string, seconds: number | null = null, limit?: ReachedLimit): Failure => ({
  code,
  message,
  retryAt: seconds === null ? null : NOW + seconds * 1000,
  ...(limit && { limit }),
});
/** A refusal by a limit. Its message is none that is known: nothing is read from it. */
const refused = (code: string, limit: Partial<ReachedLimit>, seconds: number | null = null) =>
  failure(code, "No.", seconds, { name: "tokens_per_day", owner: "user", model: null, reason: "exhausted", limit: 9, needed: 5, remaining: 0, ...limit });

describe("a refusal", () => {
  const pace = refused("rate_limit_exceeded", { name: "requests_per_minute", limit: 5, needed: 1 }, 12);
  const used = refused("insufficient_quota", { model: "llama3.2:1b", limit: 100 }, 43_200);
  const total = refused("insufficient_quota", { name: "cost_usd_total" });
  const large = refused("limit_too_small", { name: "tokens_per_minute", reason: "never", limit: 10, needed: 900, remaining: 10 });
  const team = refused("insufficient_quota", { owner: "team" });
  const short = refused("insufficient_quota", { name: "cost_usd_per_day", limit: 5, needed: 0.0123, remaining: 0.002 }, 43_200);
  const tiny = refused("insufficient_quota", { name: "cost_usd_per_day", limit: 1e-7, needed: 2e-8, remaining: 1e-11 });
  const shortOfTokens = refused("rate_limit_exceeded", { name: "tokens_per_minute", owner: "team", model: "llama3.2:1b", limit: 10_000, needed: 5200, remaining: 4000 }, 11.2);
  const held = refused("rate_limit_exceeded", { reason: "held", limit: 9000, needed: 5200, remaining: 4000 }, 1);
  const heldCost = refused("rate_limit_exceeded", { name: "cost_usd_total", owner: "team", reason: "held", limit: 5, needed: 0.5, remaining: 0 }, 1);
  const full = refused("rate_limit_exceeded", { name: "max_concurrent_requests", reason: "held", limit: 2, needed: 1 }, 1);
  const blocked = refused("insufficient_quota", { reason: "blocked", limit: 0 });

  it.each([
    [pace, "requests_per_minute"],
    [used, "models.llama3.2:1b.tokens_per_day"],
    [team, "tokens_per_day"],
    [failure("rate_limit_exceeded", "You have reached the limit tokens_per_day (5)."), null],
  ])("%# names its limit", (told, name) => expect(limitOf(told)).toBe(name));

  it.each([
    [pace, "You have reached your limit: requests per minute", "You can ask again in 12 s."],
    [used, "You have used up your limit: tokens per day, llama3.2:1b", "You can ask again in 12 hr., on 21 Nov, 00:00 UTC."],
    [total, "You have used up your limit: cost in all", "It does not reset by itself. Ask the operator for more."],
    [large, "This does not fit into your limit: tokens per minute", "It may use up to 900 tokens, and the limit is 10. Ask something shorter, or in a new conversation: each question is sent with all that was said before."],
    [short, "Too little is left of your limit: cost per day", "It may cost up to $0.0123, and $0.002 of $5.00 is left. Ask something shorter, or in a new conversation: each question is sent with all that was said before. Or ask again in 12 hr., on 21 Nov, 00:00 UTC."],
    [tiny, "Too little is left of your limit: cost per day", "It may cost up to $0.00000002, and $0.00000000001 of $0.0000001 is left. Ask something shorter, or in a new conversation: each question is sent with all that was said before."],
    [shortOfTokens, "Too little is left of your team’s limit: tokens per minute, llama3.2:1b", "It may use up to 5,200 tokens, and 4,000 of 10,000 are left. Ask something shorter, or in a new conversation: each question is sent with all that was said before. Or ask again in 12 s."],
    [held, "Running requests have reserved what is left of your limit: tokens per day", "It may use up to 5,200 tokens, and 4,000 of 9,000 are neither used nor reserved. Ask again when they have ended."],
    [heldCost, "Running requests have reserved what is left of your team’s limit: cost in all", "It may cost up to $0.50, and $0.00 of $5.00 is neither used nor reserved. Ask again when they have ended."],
    [full, "You have reached your limit: requests at once", "Ask again when one of your requests that are running has ended."],
    [blocked, "Nothing is allowed by your limit: tokens per day", "It does not reset by itself. Ask the operator for more."],
    [team, "You have used up your team’s limit: tokens per day", "It does not reset by itself. Ask the operator for more."],
    [failure("rate_limit_exceeded", "Slow down.", 3), "You have reached your limit", "Slow down. You can ask again in 3 s."],
    [failure("account_suspended", "Ask an admin."), "Your account is suspended", "Ask an admin."],
    [failure(null, "Hm."), "No answer came", "Hm."],
  ])("%# is told in plain words", (told, title, advice) => {
    expect(titleOfFailure(told, "refused")).toBe(title);
    expect(adviceOf(told, NOW, UTC)).toBe(advice);
  });

  it("is read out without names and times of machines", () => {
    expect(describeFailure(used, "refused", NOW, UTC)).toBe(
      "You have used up your limit: tokens per day, llama3.2:1b. You can ask again in 12 hr., on 21 Nov, 00:00 UTC.",
    );
    const raw = failure(null, "The limits max_tokens_per_request and max_concurrent_requests hold until 2026-11-21T00:00:00Z.");
    expect(describeFailure(raw, "cut", NOW, UTC)).toBe("The answer broke off. The limits tokens in one request and requests at once hold until 21 Nov, 00:00 UTC.");
    for (const told of [pace, used, total, large, held, short, shortOfTokens]) expect(describeFailure(told, "refused", NOW, UTC)).not.toMatch(/_|\dT\d/);
  });

  it("of a session that is no longer the one that asked tells where the question is", () => {
    const session = (user_id: string) =>
      ({
        user: { user_id, name: null, role: "user", status: "active", team: null, team_admin: false },
        csrf_token: "",
        created_at: "",
        expires_at: "",
        provider: null,
        second_factor: "off",
      }) as const;
    expect(notSent("alice", session("alice"))).toBeNull();
    expect(notSent("alice", undefined)).toBeNull();
    expect(notSent("alice", session("bob"))).toMatch(/^bob is signed in now, by another tab\. What you asked as alice was not sent\./);
    expect(notSent("alice", null)).toMatch(/^alice is no longer signed in\./);
  });

  it("that broke an answer off says so", () => {
    expect(titleOfFailure(failure(null, "x"), "cut")).toBe("The answer broke off");
  });

  it("has its times on the clock of the page", () => expect(adviceOf(used, NOW, clockOf("Asia/Kolkata"))).toBe("You can ask again in 12 hr., on 21 Nov, 05:30."));

  it("whose time has come says that one can ask again", () => expect(adviceOf(pace, NOW + 12_000, UTC)).toBe("You can ask again now."));
});
