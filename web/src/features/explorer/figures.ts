/** The figures of usage: how the API orders by each, how it is read from a row, and how it is written. */
import type { Schemas } from "~/api/client";
import { approximate, usdTick } from "~/ui/format/money";
import { compact } from "~/ui/format/numbers";
import { duration } from "~/ui/format/times";

export type Figures = Schemas["UsageFigures"];

export type FigureKind = "count" | "usd" | "ms";

interface FigureRow {
  label: string;
  kind: FigureKind;
  /** Null where it is not known. */
  read: (row: Figures) => number | null;
  /** What is counted. */
  of?: string;
  /** Not worth a column where everything of the period has none. */
  rare?: boolean;
  /** Not shown in a narrow window. */
  wide?: boolean;
}

export const FIGURES = {
  requests: { label: "Requests", kind: "count", of: "requests", read: (row) => row.requests },
  total_tokens: { label: "Tokens", kind: "count", of: "tokens", read: (row) => row.total_tokens },
  prompt_tokens: { label: "Input", kind: "count", of: "tokens", read: (row) => row.prompt_tokens, wide: true },
  cached_tokens: { label: "Cached", kind: "count", of: "tokens", read: (row) => row.cached_tokens, rare: true, wide: true },
  cache_write_tokens: { label: "Cache writes", kind: "count", of: "tokens", read: (row) => row.cache_write_tokens, rare: true, wide: true },
  completion_tokens: { label: "Output", kind: "count", of: "tokens", read: (row) => row.completion_tokens, wide: true },
  reasoning_tokens: { label: "Reasoning", kind: "count", of: "tokens", read: (row) => row.reasoning_tokens, rare: true, wide: true },
  cost_usd: { label: "Cost", kind: "usd", read: (row) => approximate(row.cost_usd) },
  errors: { label: "Errors", kind: "count", of: "requests failed or were lost", read: (row) => row.errors },
  refused: { label: "Refused", kind: "count", of: "requests refused", read: (row) => row.refused },
  first_token_p50: { label: "First token p50", kind: "ms", read: (row) => row.first_token_ms?.p50 ?? null, wide: true },
  first_token_p95: { label: "First token p95", kind: "ms", read: (row) => row.first_token_ms?.p95 ?? null },
  latency_p50: { label: "Total p50", kind: "ms", read: (row) => row.latency_ms?.p50 ?? null, wide: true },
  latency_p95: { label: "Total p95", kind: "ms", read: (row) => row.latency_ms?.p95 ?? null },
} as const satisfies Record<string, FigureRow>;

export type Figure = keyof typeof FIGURES;

export const FIGURE_NAMES = Object.keys(FIGURES) as Figure[];

export function figureRow(name: Figure): FigureRow {
  return FIGURES[name];
}

export function isFigure(text: string): text is Figure {
  return Object.hasOwn(FIGURES, text);
}

const WRITE: Readonly<Record<FigureKind, (value: number) => string>> = { count: compact, usd: usdTick, ms: duration };

/** Writes values of a figure, on the axis of a chart. */
export function writerOf(name: Figure): (value: number) => string {
  return WRITE[FIGURES[name].kind];
}
