/** How a call ended, in words. */
import type { Call } from "~/features/calls/bill";
import { describeReason } from "~/features/calls/reasons";

const REASONS: ReadonlyMap<string, string> = new Map([
  ["stop", "The model ended its answer by itself."],
  ["length", "The answer was cut at the most tokens it might have, or where the model’s context was full."],
  ["tool_calls", "The model asked for a tool to be called."],
  ["function_call", "The model asked for a function to be called."],
  ["content_filter", "The upstream held the answer back."],
]);

type Ended = Pick<Call, "status" | "finish_reason" | "estimated" | "first_token_ms" | "error">;

export function describeEnding({ status, finish_reason: finish, estimated, first_token_ms: first, error }: Ended): string {
  const words = [status === "completed" ? describeFinish(finish) : error === null ? UNEXPLAINED[status] : describeReason(error)];
  if (status === "lost" || (status === "failed" && first === null)) words.push("Nothing is charged.");
  else if (status !== "completed" && first !== null) words.push("What was generated until then is charged.");
  if (estimated) words.push("The upstream did not tell how many tokens it used: they are estimated.");
  return words.join(" ");
}

function describeFinish(reason: string | null): string {
  if (reason === null) return "It was answered whole.";
  return REASONS.get(reason) ?? `It was answered whole; the model ended with “${reason}”.`;
}

/** Of calls from before reasons were recorded. */
const UNEXPLAINED: Readonly<Record<Exclude<Call["status"], "completed">, string>> = {
  cancelled: "Whoever asked left before the end, or was no longer allowed in.",
  failed: "The upstream failed, or refused the request.",
  lost: "The gateway was stopped while this was under way.",
};
