/** What stood in the way of an answer, in plain words. */
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
    const name = limit === null ? null : limitName(limit).label;
    const which = name === null ? "your limit" : `your limit: ${name.charAt(0).toLowerCase()}${name.slice(1)}`;
    if (failure.code === "insufficient_quota") return `You have used up ${which}`;
    return failure.code === "limit_too_small" ? `This does not fit into ${which}` : `You have reached ${which}`;
  }
  return TITLES[failure.code ?? ""] ?? (state === "cut" ? "The answer broke off" : "No answer came");
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
  if (!isLimit(failure) || limitOf(failure) === null) return again === null ? failure.message : `${failure.message} ${again}`;
  if (again !== null) return again;
  if (failure.code === "insufficient_quota") return "It does not reset by itself. Ask the operator for more.";
  return failure.message;
}
