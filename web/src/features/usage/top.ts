/** Those that cost most. */
import type { SummaryRow } from "~/features/usage/usage";
import { addUsd, approximate } from "~/ui/format/money";

export interface Top {
  id: string;
  requests: number;
  total_tokens: number;
  cost_usd: string;
}

export const TOP = 10;

/** The models of a summary that cost most, then those with most requests. */
export function topModels(rows: readonly Pick<SummaryRow, "model" | "requests" | "total_tokens" | "cost_usd">[]): Top[] {
  const found = new Map<string, { requests: number; total_tokens: number; costs: string[] }>();
  for (const { model, requests, total_tokens: tokens, cost_usd: cost } of rows) {
    // A correction has no model.
    if (model === null || model === undefined) continue;
    const known = found.get(model) ?? { requests: 0, total_tokens: 0, costs: [] };
    known.requests += requests;
    known.total_tokens += tokens;
    known.costs.push(cost);
    found.set(model, known);
  }
  const all = [...found].map(([id, { costs, ...sums }]): Top => ({ id, ...sums, cost_usd: addUsd(costs) }));
  return all.sort((a, b) => approximate(b.cost_usd) - approximate(a.cost_usd) || b.requests - a.requests).slice(0, TOP);
}
