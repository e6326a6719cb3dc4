import type { Asked, Row } from "~/features/explorer/explorer";
import type { Figures } from "~/features/explorer/figures";
import { questionOf } from "~/features/explorer/question";
import { UTC } from "~/ui/clock";
import { periodOf } from "~/ui/period";

export const NOW = new Date("2026-11-20T12:29:30Z");

export const NONE: Figures = {
  requests: 0,
  prompt_tokens: 0,
  cached_tokens: 0,
  cache_write_tokens: 0,
  completion_tokens: 0,
  reasoning_tokens: 0,
  total_tokens: 0,
  cost_usd: "0",
  errors: 0,
  refused: 0,
  first_token_ms: null,
  latency_ms: null,
};

export function row(given: Partial<Row>): Row {
  return { ...NONE, ...given };
}

export function asked(search: string, admin = true): Asked {
  const params = new URLSearchParams(search);
  return { question: questionOf(params, admin), period: periodOf(params, NOW, UTC), params, admin };
}
