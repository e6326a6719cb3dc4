/** What stood in the way of an answer, in plain words. */
import type { Session } from "~/app/session";
import { limitName } from "~/parts/Meter";
import { duration, relative } from "~/parts/format";
import type { Failure } from "~/pages/chat/talk";

const NAMED = /\bthe limit ([a-z_]+)(?: for (\S+))? \(/;
const MINUTE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const LIMIT_CODES = new Set(["rate_limit_exceeded", "insufficient_quota", "limit_too_small"]);

export function isLimit({ code }: Failure): boolean {
  return code !== null && LIMIT_CODES.has(code);
}

/** The limit that a refusal names, as the meters name it: "tokens_per_day", "models.llama3.2:1b.tokens_per_day". */
export function limitOf({ message }: Failure): string | null {
  const found = NAMED.exec(message);
  if (found?.[1] === undefined) return null;
  return found[2] === undefined ? found[1] : `models.${found[2]}.${found[1]}`;
}

const TITLES: Record<string, string> = {
  account_suspended: "Your account is suspended",
  not_signed_in: "You are no longer signed in",
  model_not_allowed: "You may not use this model",
  model_not_priced: "This model has no price yet",
  model_not_found: "This model is gone",
  request_too_large: "This conversation is too large to send",
  server_overloaded: "The gateway is busy",
  upstream_unavailable: "The model cannot be reached",
  upstream_timeout: "The model took too long",
  server_stopping: "The gateway is shutting down",
};

export function titleOfFailure(failure: Failure, state: "refused" | "cut"): string {
  if (isLimit(failure)) {
    const limit = limitOf(failure);
    const which = limit === null ? "your limit" : `your limit: ${labelOf(limit)}`;
    if (failure.code === "insufficient_quota") return `You have used up ${which}`;
    return failure.code === "limit_too_small" ? `This does not fit into ${which}` : `You have reached ${which}`;
  }
  return TITLES[failure.code ?? ""] ?? (state === "cut" ? "The answer broke off" : "No answer came");
}

const LIMIT = /\b(?:(?:requests|tokens|cost_usd)_(?:per_[a-z]+|total)|max_concurrent_requests|max_tokens_per_request)\b/g;
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\b/g;

/** The gateway's own words with limits and times as people say them. */
function inWords(message: string): string {
  return message.replace(LIMIT, labelOf).replace(TIME, (at) => MINUTE.format(new Date(at)));
}

/** "tokens per day, llama3.2:1b" */
function labelOf(limit: string): string {
  if (limit.endsWith("max_tokens_per_request")) return "tokens in one request";
  const { label } = limitName(limit);
  return `${label.charAt(0).toLowerCase()}${label.slice(1)}`;
}

/** When the same may be asked again; null where the gateway did not say. */
export function againOf({ retryAt }: Failure, now: number): string | null {
  if (retryAt === null) return null;
  const wait = retryAt - now;
  if (wait <= 0) return "You can ask again now.";
  if (wait < 90_000) return `You can ask again in ${duration(Math.ceil(wait / 1000) * 1000).replace(".0 s", " s")}.`;
  return `You can ask again ${relative(new Date(retryAt), new Date(now))}, on ${MINUTE.format(new Date(retryAt))}.`;
}

/** What to do about it, below the title. The gateway's own words, but for a limit whose title and time say all. */
export function adviceOf(failure: Failure, now: number): string {
  const again = againOf(failure, now);
  if (!isLimit(failure) || limitOf(failure) === null) return again === null ? inWords(failure.message) : `${inWords(failure.message)} ${again}`;
  if (again !== null) return again;
  if (failure.code === "insufficient_quota") return "It does not reset by itself. Ask the operator for more.";
  return inWords(failure.message);
}

/** All of it in one line, for a screen reader. */
export function toldOfFailure(failure: Failure, state: "refused" | "cut", now: number): string {
  return `${titleOfFailure(failure, state)}. ${adviceOf(failure, now)}`;
}

/** What to tell who asked as `userId` when that is no longer who is signed in: the page turns to somebody else's, or to none.
 * Null where it still is, or nothing is known. */
export function goneAs(userId: string, session: Session | null | undefined): string | null {
  if (session === undefined || session?.user.user_id === userId) return null;
  const now = session === null ? `${userId} is no longer signed in.` : `${session.user.user_id} is signed in now, by another tab.`;
  return `${now} What you asked as ${userId} was not sent. It is kept in this browser: sign in as ${userId} to find it in your conversations.`;
}
