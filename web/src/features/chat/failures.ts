/** Why there is no answer, or no whole one, in plain words. */
import type { Failure } from "~/features/chat/conversation";
import type { ReachedLimit } from "~/features/chat/reached";
import { isCost, limitName } from "~/features/limits/names";
import type { Session } from "~/features/session/session";
import type { Clock } from "~/ui/clock";
import { decimal, exactUsd } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { minute, relative, wholeSeconds } from "~/ui/format/times";

const CONCURRENCY = "max_concurrent_requests";
const LIMIT_CODES = new Set(["rate_limit_exceeded", "insufficient_quota", "limit_too_small"]);

export function isLimit({ code }: Failure): boolean {
  return code !== null && LIMIT_CODES.has(code);
}

/** The name of the limit that refused, as meters have it: "tokens_per_day", "models.llama3.2:1b.tokens_per_day". */
export function limitOf({ limit }: Failure): string | null {
  return limit == null ? null : nameOf(limit);
}

function nameOf({ name, model }: ReachedLimit): string {
  return model === null ? name : `models.${model}.${name}`;
}

/** Whether the limit is the team's, which its members share. */
export function isOfTeam({ limit }: Failure): boolean {
  return limit?.owner === "team";
}

/** Whether the limit has room, though less than the request may need. */
function hasTooLittle({ reason, remaining }: ReachedLimit): boolean {
  return reason === "exhausted" && remaining > 0;
}

/** Whether requests that run are as many as there may be. */
function isFull({ reason, name }: ReachedLimit): boolean {
  return reason === "held" && name === CONCURRENCY;
}

/** "It may use up to 5,200 tokens, and 4,000 of 10,000 are left." */
function roomWords({ name, reason, limit, needed, remaining }: ReachedLimit): string {
  const cost = isCost(name);
  const write = (amount: number) => (cost ? exactUsd(decimal(amount)) : count(amount));
  const most = cost ? `It may cost up to ${write(needed)}` : `It may use up to ${write(needed)} tokens`;
  if (reason === "never") return `${most}, and the limit is ${write(limit)}.`;
  return `${most}, and ${write(remaining)} of ${write(limit)} ${cost ? "is" : "are"} ${reason === "held" ? "neither used nor reserved" : "left"}.`;
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
  if (isLimit(failure)) return titleOfLimit(failure);
  return TITLES[failure.code ?? ""] ?? (state === "cut" ? "The answer broke off" : "No answer came");
}

function titleOfLimit(failure: Failure): string {
  const { code, limit } = failure;
  const whose = isOfTeam(failure) ? "your team’s limit" : "your limit";
  const which = limit == null ? whose : `${whose}: ${labelOf(nameOf(limit))}`;
  if (limit != null && hasTooLittle(limit)) return `Too little is left of ${which}`;
  if (limit?.reason === "held" && !isFull(limit)) return `Running requests have reserved what is left of ${which}`;
  if (limit?.reason === "blocked") return `Nothing is allowed by ${which}`;
  if (code === "limit_too_small") return `This does not fit into ${which}`;
  return code === "insufficient_quota" ? `You have used up ${which}` : `You have reached ${which}`;
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
  if (wait < 90_000) return `in ${wholeSeconds(Math.ceil(wait / 1000))}`;
  return `${relative(new Date(retryAt), new Date(now), clock)}, on ${minute(new Date(retryAt), clock)}`;
}

/** What to do about it, below the title: the gateway's message, unless the title and the time of a limit say it all. */
export function adviceOf(failure: Failure, now: number, clock: Clock): string {
  const when = retryWords(failure, now, clock);
  const retry = when === null ? null : `You can ask again ${when}.`;
  const { code, limit } = failure;
  if (!isLimit(failure) || limit == null) return retry === null ? inWords(failure.message, clock) : `${inWords(failure.message, clock)} ${retry}`;
  // When running requests end, nobody knows: the time to ask again is a guess.
  if (limit.reason === "held") return isFull(limit) ? "Ask again when one of your requests that are running has ended." : `${roomWords(limit)} Ask again when they have ended.`;
  if (limit.reason === "never" || hasTooLittle(limit)) return `${roomWords(limit)} ${SHORTER}${when === null ? "" : ` Or ask again ${when}.`}`;
  if (retry !== null) return retry;
  if (limit.reason === "blocked" || code === "insufficient_quota") return "It does not reset by itself. Ask the operator for more.";
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
