/** Limits in words, one phrase each: "60 requests per minute", "$5.00 per month". */
import type { Schemas } from "~/api/client";
import { cents, count, decimal, exactUsd } from "~/parts/format";

type Limits = Schemas["LimitsBody"];

export function limitWords(limits: Limits): string[] {
  const { models, allowed_models: allowed, ...counts } = limits;
  const words = phrases(counts);
  if (allowed !== null) words.push(allowed.length === 0 ? "no models" : `only ${allowed.join(", ")}`);
  for (const [model, own] of Object.entries(models)) words.push(...phrases(own).map((phrase) => `${phrase} of ${model}`));
  return words;
}

function phrases(counts: Record<string, number | null>): string[] {
  return Object.entries(counts).flatMap(([name, figure]) => (figure === null ? [] : [phrase(name, figure)]));
}

/** One limit by its name in the limits object. */
export function phrase(name: string, figure: number): string {
  if (name === "max_concurrent_requests") return `${count(figure)} ${figure === 1 ? "request" : "requests"} at once`;
  if (name === "max_tokens_per_request") return `${count(figure)} tokens per request`;
  const [, what = name, span = ""] = /^(requests|tokens|cost_usd)_(?:per_)?(\w+)$/.exec(name) ?? [];
  const amount = what === "cost_usd" ? money(figure) : `${count(figure)} ${figure === 1 ? what.replace(/s$/, "") : what}`;
  return `${amount} ${span === "total" ? "in all" : `per ${span}`}`;
}

/** A limit is shown as it was set: to the cent where that is all of it. */
function money(figure: number): string {
  const text = decimal(figure);
  return /\.\d{3,}/.test(text) ? exactUsd(text) : cents(text);
}
