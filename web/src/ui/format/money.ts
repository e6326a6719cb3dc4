/** Money as text. Amounts stay decimal text from the API to the screen: no float ever holds one. */

const GROUP = /\B(?=(\d{3})+$)/g;

/** "1234.5678" as "$1,234.57": rounded half up to the cent. Less than a cent is written with two significant digits: "$0.0012". */
export function cents(exact: string): string {
  const { whole, fraction } = digits(exact);
  const first = fraction.search(/[1-9]/);
  return atLeastCents(rounded(exact, BigInt(whole) === 0n && first >= 2 ? first + 2 : 2));
}

/** "0.000123" as "$0.000123": every digit there is, with at least two decimal places. */
export function exactUsd(exact: string): string {
  return atLeastCents(rounded(exact, digits(exact).fraction.length));
}

/** Exact amounts that stand below one another: all with as many decimal places as the longest has. */
export function inLine(column: readonly string[]): string[] {
  const written = column.map(exactUsd);
  const places = Math.max(2, ...written.map((each) => each.split(".")[1]?.length ?? 0));
  return column.map((exact) => rounded(exact, places));
}

/** "0.0001234" as "$0.000123": rounded half up to the millionth, for the cost of a single call. Zero is "$0", less than half a
 * millionth "<$0.000001". */
export function millionths(exact: string): string {
  if (isZero(exact)) return "$0";
  const shown = rounded(exact, 6);
  return isZero(shown.replace(/[−$]/g, "")) ? shown.replace("$0.000000", "<$0.000001") : shown;
}

/** "0.0000015" as "$0.000002": rounded half to even, as on an invoice, and with all six places. */
export function sixPlaces(exact: string): string {
  const { negative, whole, fraction } = digits(exact);
  const kept = BigInt(whole + fraction.padEnd(6, "0").slice(0, 6));
  const rest = fraction.slice(6).replace(/0+$/, "");
  const up = rest > "5" || (rest === "5" && kept % 2n === 1n);
  const all = (kept + (up ? 1n : 0n)).toString().padStart(7, "0");
  const sign = negative && /[1-9]/.test(all) ? "−" : "";
  return `${sign}$${all.slice(0, -6).replace(GROUP, ",")}.${all.slice(-6)}`;
}

/** Decimal places in what `cents` writes: at least two. */
export function centsPlaces(exact: string): number {
  return cents(exact).split(".")[1]?.length ?? 0;
}

/** The most decimal places that `cents` writes in a column. */
export function mostPlaces(column: readonly string[] = []): number {
  return Math.max(2, ...column.map(centsPlaces));
}

/** "−$1,234.57": rounded half away from zero to `places`, all of which are written. */
function rounded(exact: string, places: number): string {
  const { negative, whole, fraction } = digits(exact);
  let all = BigInt(whole + fraction.padEnd(places, "0").slice(0, places));
  if ((fraction[places] ?? "0") >= "5") all += 1n;
  const text = all.toString().padStart(places + 1, "0");
  const point = text.length - places;
  return `${negative ? "−" : ""}$${text.slice(0, point).replace(GROUP, ",")}${places === 0 ? "" : `.${text.slice(point)}`}`;
}

/** Without trailing zeros, but with at least two decimal places. */
function atLeastCents(written: string): string {
  const [whole = "", fraction = ""] = written.split(".");
  return `${whole}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** Whether an amount is zero. */
export function isZero(exact: string): boolean {
  return /^-?0*\.?0*$/.test(exact);
}

/** A JSON number as decimal text; JavaScript would write small ones as "1e-7". */
export function decimal(value: number | string): string {
  if (typeof value === "string") return value;
  const text = String(value);
  return text.includes("e") ? value.toFixed(12).replace(/\.?0+$/, "") : text;
}

/** A float for the height of a bar or the order of rows. What is shown is always made from the text itself. */
export function approximate(exact: string): number {
  return Number(exact);
}

/** The exact sum of decimal texts, as decimal text. */
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

/** "-0.5" of "0.5", and the other way round. */
export function negated(exact: string): string {
  return exact.startsWith("-") ? exact.slice(1) : `-${exact}`;
}

/** An amount on a chart's axis: "$0", to the cent, or with three significant digits where it is less than a dollar: halves of a
 * cent are not rounded, or two of its lines would be called the same. */
export function usdTick(value: number): string {
  if (value === 0) return "$0";
  return Math.abs(value) < 1 ? exactUsd(decimal(Number(value.toPrecision(3)))) : cents(value.toFixed(9));
}
