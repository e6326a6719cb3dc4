/** Why a call was not completed, in words: of the codes of a record's `error`. */
import type { Schemas } from "~/api/client";

type CallError = Schemas["RequestError"];

interface Words {
  /** Beside the status, where there is little room. */
  short: string;
  sentence: string;
}

const WORDS: ReadonlyMap<string, Words> = new Map([
  ["client_disconnected", { short: "client left", sentence: "Whoever asked left before the end." }],
  ["access_ended", { short: "access ended", sentence: "The key was revoked, or the session ended, while this ran." }],
  ["account_suspended", { short: "suspended", sentence: "The account was suspended while this ran." }],
  ["end_user_blocked", { short: "person blocked", sentence: "The person whom this was for was blocked while it ran." }],
  ["server_stopping", { short: "gateway stopped", sentence: "The gateway was stopped while this ran." }],
  ["lost", { short: "gateway killed", sentence: "The gateway was killed while this ran." }],
  ["context_length_exceeded", { short: "too long", sentence: "The request was longer than the model’s context. Send a shorter one." }],
  ["invalid_request", { short: "refused", sentence: "The upstream refused the request as invalid." }],
  ["model_not_found", { short: "no such model", sentence: "The upstream did not find the model." }],
  ["request_too_large", { short: "too large", sentence: "The request was larger than the upstream takes." }],
  ["model_changed", { short: "model changed", sentence: "The model is pinned to a version that it no longer has." }],
  ["upstream_error", { short: "upstream failed", sentence: "The upstream failed." }],
  ["upstream_timeout", { short: "too slow", sentence: "The upstream did not answer in time." }],
  ["upstream_unavailable", { short: "unavailable", sentence: "The upstream could not be reached, or sent no valid response." }],
  ["server_overloaded", { short: "no room", sentence: "The upstream, or the gateway, had no room for the request." }],
  ["stream_interrupted", { short: "broke off", sentence: "The upstream broke off in the middle of its answer." }],
  ["ledger_unavailable", { short: "ledger failing", sentence: "The ledger could not be written." }],
  ["internal_error", { short: "gateway failed", sentence: "The gateway failed." }],
]);

/** A code that these pages do not know is shown as it is: it is still what to search for. */
export function shortReason({ code }: CallError): string {
  return WORDS.get(code)?.short ?? code;
}

/** The reason as a sentence, with what the upstream said of itself. */
export function describeReason({ code, status, message }: CallError): string {
  const sentence = WORDS.get(code)?.sentence ?? message;
  return status === null ? sentence : `${sentence} The upstream answered with status ${status}.`;
}
