// @vitest-environment node
import { describe, expect, it } from "vitest";

import type { Failure } from "~/features/chat/conversation";
import { adviceOf, describeFailure, limitOf, notSent, titleOfFailure } from "~/features/chat/failures";
import { clockOf, UTC } from "~/ui/clock";


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
  const team = failure("insufficient_quota", "You have used up the limit tokens_per_day of your team (9). It does not reset.");
  const short = failure("insufficient_quota", "The request may need 0.0123 of the limit cost_usd_per_day (5), and 0.002 is left. A shorter one may fit. There is room at …", 43_200);
  const shortOfTokens = failure("rate_limit_exceeded", "The request may need 5200 of the limit tokens_per_minute of your team for llama3.2:1b (10000), and 4000 is left. Try again in 12 seconds.", 11.2);
  const held = failure("rate_limit_exceeded", "Requests of yours that are running hold what is left of the limit tokens_per_day (9). Try again when they have ended.");

  it.each([
    [pace, "requests_per_minute"],
    [used, "models.llama3.2:1b.tokens_per_day"],
    [total, "cost_usd_total"],
    [large, "tokens_per_minute"],
    [held, "tokens_per_day"],
    [team, "tokens_per_day"],
    [failure("rate_limit_exceeded", "Slow down."), null],
  ])("%# names its limit", (told, name) => expect(limitOf(told)).toBe(name));

  it.each([
    [pace, "You have reached your limit: requests per minute", "You can ask again in 12 s."],
    [used, "You have used up your limit: tokens per day, llama3.2:1b", "You can ask again in 12 hr., on 21 Nov, 00:00 UTC."],
    [total, "You have used up your limit: cost in all", "It does not reset by itself. Ask the operator for more."],
    [large, "This does not fit into your limit: tokens per minute", "It may use up to 900 tokens, and the limit is 10. Ask something shorter, or in a new conversation: each question is sent with all that was said before."],
    [short, "Too little is left of your limit: cost per day", "It may cost up to $0.0123, and $0.002 of $5.00 is left. Ask something shorter, or in a new conversation: each question is sent with all that was said before. Or ask again in 12 hr., on 21 Nov, 00:00 UTC."],
    [shortOfTokens, "Too little is left of your team’s limit: tokens per minute, llama3.2:1b", "It may use up to 5,200 tokens, and 4,000 of 10,000 are left. Ask something shorter, or in a new conversation: each question is sent with all that was said before. Or ask again in 12 s."],
    [held, "You have reached your limit: tokens per day", "Requests of yours that are running hold what is left of the limit tokens per day (9). Try again when they have ended."],
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
