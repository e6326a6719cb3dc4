/** The parts of a call's time, one after the other. */
import type { Call } from "~/parts/bill";

export interface Span {
  id: "queued" | "waiting" | "streaming";
  label: string;
  ms: number;
  /** Of the whole, 0 to 1. */
  share: number;
}

type Times = Pick<Call, "queued_ms" | "first_token_ms" | "latency_ms" | "stream">;

/** All times of a record are counted from the moment the request came in. */
export function spansOf({ queued_ms: queued, first_token_ms: first, latency_ms: end, stream }: Times): Span[] {
  const begun = Math.min(queued, end);
  const spoke = Math.min(Math.max(first ?? end, begun), end);
  const spans: Omit<Span, "share">[] = [
    { id: "queued", label: "Queued", ms: begun },
    { id: "waiting", label: first === null ? "Waiting for the answer" : "Waiting for the first token", ms: spoke - begun },
  ];
  if (first !== null) spans.push({ id: "streaming", label: stream ? "Streaming" : "Receiving the answer", ms: end - spoke });
  return spans.map((span) => ({ ...span, share: end === 0 ? 0 : span.ms / end }));
}
