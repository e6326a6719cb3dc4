/** Limits in words, one phrase each: "60 requests per minute", "$5.00 per month". */
import type { Limits } from "~/features/limits/names";
import { cents, decimal, exactUsd } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";

export function describeLimits(limits: Limits): string[] {
  const { models, allowed_models: allowed, alerts, ...counts } = limits;
  const words = phrases(counts);
  if (allowed !== null) words.push(allowed.length === 0 ? "no models" : `only ${allowed.join(", ")}`);
  if (alerts !== null) words.push(describeAlerts(alerts));
  for (const [model, own] of Object.entries(models)) words.push(...phrases(own).map((phrase) => `${phrase} of ${model}`));
  return words;
}

/** "alerts at 50 and 80 %" */
export function describeAlerts(alerts: readonly number[]): string {
  if (alerts.length === 0) return "no alerts";
  const [last, ...others] = alerts.toReversed();
  return `alerts at ${others.length === 0 ? "" : `${others.toReversed().join(", ")} and `}${last ?? ""} %`;
}

function phrases(counts: Record<string, number | null>): string[] {
  return Object.entries(counts).flatMap(([name, figure]) => (figure === null ? [] : [describeLimit(name, figure)]));
}

/** One limit, by its name in the API. */
export function describeLimit(name: string, figure: number): string {
  if (name === "max_concurrent_requests") return `${count(figure)} ${figure === 1 ? "request" : "requests"} at once`;
  if (name === "max_tokens_per_request") return `${count(figure)} tokens per request`;
  if (name === "queue_weight") return `weight ${count(figure)} in the line`;
  const [, what = name, span = ""] = /^(requests|tokens|cost_usd)_(?:per_)?(\w+)$/.exec(name) ?? [];
  const amount = what === "cost_usd" ? money(figure) : `${count(figure)} ${figure === 1 ? what.replace(/s$/, "") : what}`;
  return `${amount} ${span === "total" ? "in all" : `per ${span}`}`;
}

/** As it was set: to the cent, or further where it has fractions of one. */
function money(figure: number): string {
  const text = decimal(figure);
  return /\.\d{3,}/.test(text) ? exactUsd(text) : cents(text);
}
