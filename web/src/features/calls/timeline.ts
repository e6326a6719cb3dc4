/** The phases of a call, one after the other. */
import type { Call } from "~/features/calls/bill";

export interface Phase {
  id: "queued" | "waiting" | "streaming";
  label: string;
  ms: number;
  /** Share of the whole, 0 to 1. */
  share: number;
}

type Times = Pick<Call, "queued_ms" | "first_token_ms" | "latency_ms" | "stream">;

/** The times of a record are counted from when the request came in. */
export function phasesOf({ queued_ms: queued, first_token_ms: first, latency_ms: end, stream }: Times): Phase[] {
  const begun = Math.min(queued, end);
  const spoke = Math.min(Math.max(first ?? end, begun), end);
  const phases: Omit<Phase, "share">[] = [
    { id: "queued", label: "Queued", ms: begun },
    { id: "waiting", label: first === null ? "Waiting for the answer" : "Waiting for the first token", ms: spoke - begun },
  ];
  if (first !== null) phases.push({ id: "streaming", label: stream ? "Streaming" : "Receiving the answer", ms: end - spoke });
  return phases.map((phase) => ({ ...phase, share: end === 0 ? 0 : phase.ms / end }));
}
