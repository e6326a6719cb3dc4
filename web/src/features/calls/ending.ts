/** How a call ended, in words. */
import type { Call } from "~/features/calls/bill";

const REASONS: ReadonlyMap<string, string> = new Map([
  ["stop", "The model ended its answer by itself."],
  ["length", "The answer was cut at the most tokens it might have, or where the model’s context was full."],
  ["tool_calls", "The model asked for a tool to be called."],
  ["function_call", "The model asked for a function to be called."],
  ["content_filter", "The upstream held the answer back."],
]);

type Ended = Pick<Call, "status" | "finish_reason" | "estimated" | "first_token_ms" | "cost_usd">;

export function describeEnding({ status, finish_reason: reason, estimated, first_token_ms: first }: Ended): string {
  const words = [ENDS[status](reason, first !== null)];
  if (estimated) words.push("The upstream did not tell how many tokens it used: they are estimated.");
  return words.join(" ");
}

const ENDS: Readonly<Record<Call["status"], (reason: string | null, answered: boolean) => string>> = {
  completed: (reason) => {
    if (reason === null) return "It was answered whole.";
    return REASONS.get(reason) ?? `It was answered whole; the model ended with “${reason}”.`;
  },
  cancelled: (_, answered) =>
    `Whoever asked left before the end, or was no longer allowed in.${answered ? " What was generated until then is charged." : ""}`,
  failed: (_, answered) =>
    answered ? "The upstream broke off in the midst of its answer. What was generated until then is charged." : "The upstream failed before it answered. Nothing is charged.",
  lost: () => "The gateway was stopped while this was under way. Nothing is charged.",
};
