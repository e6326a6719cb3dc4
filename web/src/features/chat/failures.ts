/** Why there is no answer, or no whole one, in plain words. */
import type { Failure } from "~/features/chat/conversation";
import { limitName } from "~/features/limits/names";
import type { Session } from "~/features/session/session";
import type { Clock } from "~/ui/clock";
import { exactUsd } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { duration, minute, relative } from "~/ui/format/times";

const LIMIT_IN_MESSAGE = /\bthe limit ([a-z_]+)( of your team)?(?: for (\S+))? \(/;
const LIMIT_CODES = new Set(["rate_limit_exceeded", "insufficient_quota", "limit_too_small"]);

export function isLimit({ code }: Failure): boolean {
  return code !== null && LIMIT_CODES.has(code);
}

/** The limit that the gateway's message names, as meters name it: "tokens_per_day", "models.llama3.2:1b.tokens_per_day". */
export function limitOf({ message }: Failure): string | null {
  const found = LIMIT_IN_MESSAGE.exec(message);
  if (found?.[1] === undefined) return null;
  return found[3] === undefined ? found[1] : `models.${found[3]}.${found[1]}`;
}

/** Whether the limit is the team's, which its members share. */
export function isOfTeam({ message }: Failure): boolean {
  return LIMIT_IN_MESSAGE.exec(message)?.[2] !== undefined;
}

const NEEDED = /\bmay need ([\d.]+)(?: of|, and) the limit [^(]+\(([\d.]+)\)(?:, and ([\d.]+) is left)?/;

/** What the request may need, what the limit allows, and what is left of that, in the limit's unit. `left` is null where it would not fit
 * even with nothing used; all is null where the gateway's message does not say. */
function roomOf({ message }: Failure): { needed: string; allowed: string; left: string | null } | null {
  const [, needed, allowed, left = null] = NEEDED.exec(message) ?? [];
  return needed === undefined || allowed === undefined ? null : { needed, allowed, left };
}

/** "It may use up to 5,200 tokens, and 4,000 of 10,000 are left." */
function roomWords(limit: string, { needed, allowed, left }: NonNullable<ReturnType<typeof roomOf>>): string {
  const cost = limitName(limit).unit === "usd";
  const write = (amount: string) => (cost ? exactUsd(amount) : count(Number(amount)));
  const most = cost ? `It may cost up to ${write(needed)}` : `It may use up to ${write(needed)} tokens`;
  return left === null ? `${most}, and the limit is ${write(allowed)}.` : `${most}, and ${write(left)} of ${write(allowed)} ${cost ? "is" : "are"} left.`;
}

const SHORTER = "Ask something shorter, or in a new conversation: each question is sent with all that was said before.";

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
    const whose = isOfTeam(failure) ? "your team’s limit" : "your limit";
    const which = limit === null ? whose : `${whose}: ${labelOf(limit)}`;
    if (failure.code !== "limit_too_small" && roomOf(failure) !== null) return `Too little is left of ${which}`;
    if (failure.code === "insufficient_quota") return `You have used up ${which}`;
    return failure.code === "limit_too_small" ? `This does not fit into ${which}` : `You have reached ${which}`;
  }
  return TITLES[failure.code ?? ""] ?? (state === "cut" ? "The answer broke off" : "No answer came");
}

const LIMIT = /\b(?:(?:requests|tokens|cost_usd)_(?:per_[a-z]+|total)|max_concurrent_requests|max_tokens_per_request)\b/g;
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\b/g;

/** The gateway's message with the names of limits and times in plain words. */
function inWords(message: string, clock: Clock): string {
  return message.replace(LIMIT, labelOf).replace(TIME, (at) => minute(new Date(at), clock));
}

/** "tokens per day, llama3.2:1b" */
function labelOf(limit: string): string {
  if (limit.endsWith("max_tokens_per_request")) return "tokens in one request";
  const { label } = limitName(limit);
  return `${label.charAt(0).toLowerCase()}${label.slice(1)}`;
}

/** When the question can be asked again; null where the gateway did not say. */
function retryWords({ retryAt }: Failure, now: number, clock: Clock): string | null {
  if (retryAt === null) return null;
  const wait = retryAt - now;
  if (wait <= 0) return "now";
  if (wait < 90_000) return `in ${duration(Math.ceil(wait / 1000) * 1000).replace(".0 s", " s")}`;
  return `${relative(new Date(retryAt), new Date(now), clock)}, on ${minute(new Date(retryAt), clock)}`;
}

/** What to do about it, below the title: the gateway's message, unless the title and the time of a limit say it all. */
export function adviceOf(failure: Failure, now: number, clock: Clock): string {
  const when = retryWords(failure, now, clock);
  const retry = when === null ? null : `You can ask again ${when}.`;
  const limit = isLimit(failure) ? limitOf(failure) : null;
  if (limit === null) return retry === null ? inWords(failure.message, clock) : `${inWords(failure.message, clock)} ${retry}`;
  const room = roomOf(failure);
  if (room !== null) return `${roomWords(limit, room)} ${SHORTER}${when === null ? "" : ` Or ask again ${when}.`}`;
  if (retry !== null) return retry;
  if (failure.code === "insufficient_quota") return "It does not reset by itself. Ask the operator for more.";
  return inWords(failure.message, clock);
}

/** Title and advice in one line, for screen readers. */
export function describeFailure(failure: Failure, state: "refused" | "cut", now: number, clock: Clock): string {
  return `${titleOfFailure(failure, state)}. ${adviceOf(failure, now, clock)}`;
}

/** What to say to `userId` when someone else, or nobody, is signed in by now; null where they still are, or nothing is known. */
export function notSent(userId: string, session: Session | null | undefined): string | null {
  if (session === undefined || session?.user.user_id === userId) return null;
  const now = session === null ? `${userId} is no longer signed in.` : `${session.user.user_id} is signed in now, by another tab.`;
  return `${now} What you asked as ${userId} was not sent. It is kept in this browser: sign in as ${userId} to find it in your conversations.`;
}
