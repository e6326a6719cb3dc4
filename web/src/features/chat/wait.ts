/** What the gateway says of a request's wait, by comments in its stream, and that in words. */
import type { Wait } from "~/features/chat/conversation";
import { count } from "~/ui/format/numbers";
import { wholeSeconds } from "~/ui/format/times";

const PLACE = /^queue position=(\d+)(?: estimate_s=(\d+(?:\.\d+)?))?$/;

/** The wait that a comment tells of; null for other comments, which upstreams send, too. */
export function waitOf(comment: string): Wait | null {
  if (comment === "waiting") return { for: "turn", position: null, estimateS: null };
  if (comment === "loading") return { for: "model" };
  const [, position, estimate] = PLACE.exec(comment) ?? [];
  if (position === undefined) return null;
  return { for: "turn", position: Number(position), estimateS: estimate === undefined ? null : Number(estimate) };
}

/** A wait after another: a comment that only says that it goes on leaves the place as it is. */
export function nextWait(before: Wait | null, now: Wait): Wait {
  return now.for === "turn" && now.position === null && before?.for === "turn" ? before : now;
}

export function waitWords(wait: Wait): string {
  if (wait.for === "model") return "The model is getting ready";
  if (wait.position === null) return "Waiting in line";
  const place = wait.position <= 1 ? "Next in line" : `Number ${count(wait.position)} in line`;
  return wait.estimateS === null ? place : `${place}, about ${roughly(wait.estimateS)}`;
}

/** Estimates are measured: a fraction of a second would promise too much. */
function roughly(seconds: number): string {
  return wholeSeconds(Math.max(1, Math.ceil(seconds)));
}
