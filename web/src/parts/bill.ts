/** How a call's cost came about, as whoever checks an invoice would reckon it: exactly. */
import type { Schemas } from "~/api/client";
import { addUsd } from "~/parts/format";

export type Call = Schemas["Call"];

export interface BillLine {
  label: string;
  tokens: number;
  /** Dollars per million tokens, decimal text. */
  price: string;
  /** Dollars, decimal text: tokens × price ÷ 1,000,000. */
  amount: string;
  /** The class has no price of its own, and costs what input does. */
  asInput: boolean;
}

export interface Bill {
  lines: BillLine[];
  /** The exact sum of the lines. */
  sum: string;
}

type Price = NonNullable<Call["price"]>;
type Counts = Pick<Call, "prompt_tokens" | "cached_tokens" | "cache_write_tokens" | "completion_tokens">;

/** By class of token; classes that have none are left out, but for input and output. */
export function billOf(counts: Counts, price: Price): Bill {
  const plain = counts.prompt_tokens - counts.cached_tokens - counts.cache_write_tokens;
  const input = price.input_usd_per_mtok;
  const lines = [
    line("Input", plain, input),
    line("Input from cache", counts.cached_tokens, price.cached_input_usd_per_mtok ?? input, price.cached_input_usd_per_mtok === null),
    line("Input kept in cache", counts.cache_write_tokens, price.cache_write_usd_per_mtok ?? input, price.cache_write_usd_per_mtok === null),
    line("Output", counts.completion_tokens, price.output_usd_per_mtok),
  ].filter(({ label, tokens }) => tokens !== 0 || label === "Input" || label === "Output");
  return { lines, sum: addUsd(lines.map(({ amount }) => amount)) };
}

function line(label: string, tokens: number, price: string, asInput = false): BillLine {
  return { label, tokens, price, amount: perMillion(tokens, price), asInput };
}

const PLACES = 6;

/** `tokens` × `price` ÷ 1,000,000, every digit of it. A price has at most six digits behind its point. */
export function perMillion(tokens: number, price: string): string {
  const [whole = "0", fraction = ""] = price.split(".");
  const millionths = BigInt(whole + fraction.padEnd(PLACES, "0"));
  const all = BigInt(tokens) * millionths;
  const text = all.toString().padStart(2 * PLACES + 1, "0");
  const rest = text.slice(-2 * PLACES).replace(/0+$/, "");
  return `${text.slice(0, -2 * PLACES)}${rest === "" ? "" : `.${rest}`}`;
}
