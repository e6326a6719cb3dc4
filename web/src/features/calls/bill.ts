/** The exact calculation of a call's cost, as someone who checks an invoice would do it. */
import type { Schemas } from "~/api/client";
import { addUsd } from "~/ui/format/money";

export type Call = Schemas["Call"];

export interface BillLine {
  label: string;
  /** Of tokens and characters, else of what the line is about. */
  tokens: number;
  /** Dollars per million, or per unit, decimal text. */
  price: string;
  /** Dollars, decimal text: tokens × price ÷ 1,000,000, or units × price. */
  amount: string;
  /** What the price is for, where it is not a million. */
  per?: string;
  /** Whether the class has no price of its own and costs what input does. */
  asInput: boolean;
}

export interface Bill {
  lines: BillLine[];
  /** The exact sum of the lines. */
  sum: string;
}

type Price = NonNullable<Call["price"]>;
type Tokens = Pick<Call, "prompt_tokens" | "cached_tokens" | "cache_write_tokens" | "cache_write_1h_tokens" | "completion_tokens">;
type Counts = Tokens & Pick<Call, "images" | "audio_ms" | "characters" | "status">;

/** One line for each class of tokens, and for each unit that has a price. Empty ones are left out, except input and output. */
export function billOf(counts: Counts, price: Price): Bill {
  const plain = counts.prompt_tokens - counts.cached_tokens - counts.cache_write_tokens;
  const input = price.input_usd_per_mtok;
  const { cache_write_usd_per_mtok: write, cache_write_1h_usd_per_mtok: write1h } = price;
  const kept1h = counts.cache_write_1h_tokens;
  const lines = [
    line("Input", plain, input),
    line("Input from cache", counts.cached_tokens, price.cached_input_usd_per_mtok ?? input, price.cached_input_usd_per_mtok === null),
    line("Input kept in cache", counts.cache_write_tokens - kept1h, write ?? input, write === null),
    line("Input kept for an hour", kept1h, write1h ?? write ?? input, write1h === null && write === null),
    line("Output", counts.completion_tokens, price.output_usd_per_mtok),
    ...unitLines(counts, price),
  ].filter(({ label, tokens }) => tokens !== 0 || label === "Input" || label === "Output");
  return { lines, sum: addUsd(lines.map(({ amount }) => amount)) };
}

function unitLines(counts: Counts, price: Price): BillLine[] {
  const { speech_usd_per_mchar: spoken, audio_usd_per_minute: heard, usd_per_image: image, usd_per_request: request } = price;
  const served = counts.status === "completed" || counts.prompt_tokens + counts.completion_tokens + counts.images + counts.audio_ms + counts.characters > 0;
  return [
    ...(spoken === null ? [] : [line("Characters", counts.characters, spoken)]),
    ...(heard === null ? [] : [{ ...line("Seconds of audio", counts.audio_ms / 1000, heard), amount: ofMinutes(counts.audio_ms, heard), per: "minute" }]),
    ...(image === null ? [] : [{ ...line("Images", counts.images, image), amount: perMillion(counts.images * MILLION, image), per: "image" }]),
    ...(request === null || !served ? [] : [{ ...line("The request", 1, request), amount: perMillion(MILLION, request), per: "request" }]),
  ];
}

function line(label: string, tokens: number, price: string, asInput = false): BillLine {
  return { label, tokens, price, amount: Number.isInteger(tokens) ? perMillion(tokens, price) : "0", asInput };
}

const PLACES = 6;
const MILLION = 1_000_000;
const MS_PER_MINUTE = 60_000n;

/** `tokens` × `price` ÷ 1,000,000, exactly. A price has at most six decimal places. */
export function perMillion(tokens: number, price: string): string {
  return dollars(BigInt(tokens) * millionths(price));
}

/** `ms` of audio × `price` of a minute, rounded up to a trillionth of a dollar. */
function ofMinutes(ms: number, price: string): string {
  return dollars((BigInt(ms) * BigInt(MILLION) * millionths(price) + MS_PER_MINUTE - 1n) / MS_PER_MINUTE);
}

function millionths(price: string): bigint {
  const [whole = "0", fraction = ""] = price.split(".");
  return BigInt(whole + fraction.padEnd(PLACES, "0"));
}

/** Trillionths of a dollar as dollars. */
function dollars(all: bigint): string {
  const text = all.toString().padStart(2 * PLACES + 1, "0");
  const rest = text.slice(-2 * PLACES).replace(/0+$/, "");
  return `${text.slice(0, -2 * PLACES)}${rest === "" ? "" : `.${rest}`}`;
}
