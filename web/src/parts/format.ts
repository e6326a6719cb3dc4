/** How figures and times are written, everywhere the same. Money stays text: no float ever holds it. */

const GROUPS = new Intl.NumberFormat("en-US");
const GROUP = /\B(?=(\d{3})+$)/g;

/** "$1,234.57" of "1234.5678": to the cent, half up. What is less than a cent, as a small model's answers are, is told
 * by two digits: "$0.0012". */
export function cents(exact: string): string {
  const { whole, fraction } = digits(exact);
  const first = fraction.search(/[1-9]/);
  return atLeastCents(rounded(exact, BigInt(whole) === 0n && first >= 2 ? first + 2 : 2));
}

/** "$0.000123" of "0.000123": every digit there is, at least two. */
export function exactUsd(exact: string): string {
  return atLeastCents(rounded(exact, digits(exact).fraction.length));
}

/** "$0.000123" of "0.0001234": to the millionth, half up, for what single calls cost. Nothing is "$0", less than half of one "<$0.000001". */
export function millionths(exact: string): string {
  if (isNothing(exact)) return "$0";
  const shown = rounded(exact, 6);
  return isNothing(shown.replace(/[−$]/g, "")) ? shown.replace("$0.000000", "<$0.000001") : shown;
}

/** How many digits stand behind the point of what `cents` writes: at least two. */
export function centsPlaces(exact: string): number {
  return cents(exact).split(".")[1]?.length ?? 0;
}

/** The most of them in a column. */
export function mostPlaces(column: readonly string[] = []): number {
  return Math.max(2, ...column.map(centsPlaces));
}

/** "−$1,234.57": half up (away from nothing) to so many places, none of which is left out. */
function rounded(exact: string, places: number): string {
  const { negative, whole, fraction } = digits(exact);
  let all = BigInt(whole + fraction.padEnd(places, "0").slice(0, places));
  if ((fraction[places] ?? "0") >= "5") all += 1n;
  const text = all.toString().padStart(places + 1, "0");
  const point = text.length - places;
  return `${negative ? "−" : ""}$${text.slice(0, point).replace(GROUP, ",")}${places === 0 ? "" : `.${text.slice(point)}`}`;
}

/** Without the zeros at the end that say nothing, but with two places. */
function atLeastCents(written: string): string {
  const [whole = "", fraction = ""] = written.split(".");
  return `${whole}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

export function isNothing(exact: string): boolean {
  return /^-?0*\.?0*$/.test(exact);
}

/** A figure of JSON as decimal text: JavaScript would write small ones as "1e-7". */
export function decimal(value: number | string): string {
  if (typeof value === "string") return value;
  const text = String(value);
  return text.includes("e") ? value.toFixed(12).replace(/\.?0+$/, "") : text;
}

/** For the height of a bar or the order of rows only: what is shown is always made of the text itself. */
export function roughly(exact: string): number {
  return Number(exact);
}

/** The exact sum of decimal texts, as such a text. */
export function addUsd(values: readonly string[]): string {
  const PLACES = 12;
  let sum = 0n;
  for (const value of values) {
    const { negative, whole, fraction } = digits(value);
    const part = BigInt(whole + fraction.padEnd(PLACES, "0").slice(0, PLACES));
    sum += negative ? -part : part;
  }
  const text = (sum < 0n ? -sum : sum).toString().padStart(PLACES + 1, "0");
  const fraction = text.slice(-PLACES).replace(/0+$/, "");
  return `${sum < 0n ? "-" : ""}${text.slice(0, -PLACES)}${fraction === "" ? "" : `.${fraction}`}`;
}

function digits(exact: string): { negative: boolean; whole: string; fraction: string } {
  const negative = exact.startsWith("-");
  const [whole = "0", fraction = ""] = (negative ? exact.slice(1) : exact).split(".");
  return { negative, whole: whole === "" ? "0" : whole, fraction };
}

/** "1,234,567" */
export function count(value: number): string {
  return GROUPS.format(value);
}

const STEPS: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** 12,412 as ["12.4", "k"], 999 as ["999", ""]: three digits and a unit. */
export function compact(value: number): [string, string] {
  for (const [step, unit] of STEPS) {
    // 999,950 would be "1000 k": what rounds up to the next unit is written in it.
    if (Math.abs(value) >= step * 0.9995 && Math.abs(value) >= 1000) {
      const scaled = value / step;
      return [Math.abs(scaled) >= 99.95 ? scaled.toFixed(0) : scaled.toFixed(1), unit];
    }
  }
  return [Number.isInteger(value) ? GROUPS.format(value) : value.toFixed(1), ""];
}

/** A rate, with as many digits as it needs: 0, 0.4, 12.3, 1.2 k. */
export function rate(value: number): [string, string] {
  if (value === 0) return ["0", ""];
  return value < 0.1 ? ["<0.1", ""] : compact(value < 100 ? Math.round(value * 10) / 10 : Math.round(value));
}

/** "430 ms", "2.1 s", "3 min 5 s" */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const SPANS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** "now", "5 min. ago", "in 3 hr."; a date when it is over a month away. */
export function relative(at: Date, now: Date): string {
  const apart = at.getTime() - now.getTime();
  if (Math.abs(apart) > 31 * 86_400_000) return day(at);
  for (const [unit, span] of SPANS) {
    if (Math.abs(apart) >= span) return RELATIVE.format(Math.trunc(apart / span), unit);
  }
  return Math.abs(apart) < 10_000 ? "now" : RELATIVE.format(Math.trunc(apart / 1000), "second");
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const LOCAL = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const LONG = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const SHORT_UTC_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

export function day(at: Date): string {
  return DAY.format(at);
}

/** Local, to the second: "20 Nov, 13:05:59"; of another year to the minute: "1 Feb 2025, 13:05" */
export function moment(at: Date, now = new Date()): string {
  return (at.getFullYear() === now.getFullYear() ? LOCAL : LONG).format(at);
}

/** "2026-11-20 12:05:59.123 UTC" */
export function utc(at: Date): string {
  return at.toISOString().replace("T", " ").replace("Z", " UTC");
}

/** "20 Nov" of "2026-11-20", a day of UTC as the API names them. */
export function utcDay(name: string): string {
  return SHORT_UTC_DAY.format(new Date(`${name}T00:00:00Z`));
}

/** What has become of a figure, in percent with its sign: ["+12 %"]; null where there was nothing before. */
export function change(now: number, before: number): string | null {
  if (before === 0) return null;
  const percent = Math.round(((now - before) / Math.abs(before)) * 100);
  if (percent === 0) return "±0 %";
  return `${percent > 0 ? "+" : "−"}${GROUPS.format(Math.abs(percent))} %`;
}
