/** Numbers as text, the same everywhere. */

const GROUPS = new Intl.NumberFormat("en-US");

/** "1,234,567", "−12" */
export function count(value: number): string {
  return GROUPS.format(value).replace("-", "−");
}

const STEPS: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Three significant digits and a unit: 12,412 as ["12.4", "k"], 999 as ["999", ""]. */
export function compactParts(value: number): [string, string] {
  for (const [step, unit] of STEPS) {
    // 999,950 would be "1000 k": a value that rounds up to the next unit is written in that unit.
    if (Math.abs(value) >= step * 0.9995 && Math.abs(value) >= 1000) {
      const scaled = value / step;
      return [Math.abs(scaled) >= 99.95 ? scaled.toFixed(0) : scaled.toFixed(1), unit];
    }
  }
  return [Number.isInteger(value) ? GROUPS.format(value) : value.toFixed(1), ""];
}

/** "12.4 k" */
export function compact(value: number): string {
  return compactParts(value).join(" ").trim();
}

/** A rate with as many digits as it needs, and a unit: 0, 0.4, 12.3, 1.2 k. */
export function rateParts(value: number): [string, string] {
  if (value === 0) return ["0", ""];
  return value < 0.1 ? ["<0.1", ""] : compactParts(value < 100 ? Math.round(value * 10) / 10 : Math.round(value));
}

/** From here on a change is a multiple: more percents say less. */
const MOST_PERCENT = 999;

/** The change from `before` to `now`, with its sign: "+12 %", "−100 %"; "×14" where it is that large, "new" where there was nothing
 * before; null where there is nothing to say, or a share of it would say nothing. */
export function change(now: number, before: number): string | null {
  if (before === 0) return now === 0 ? null : "new";
  if (before < 0 !== now < 0 && now !== 0) return null;
  const percent = Math.round(((now - before) / Math.abs(before)) * 100);
  if (percent === 0) return "±0 %";
  if (Math.abs(percent) > MOST_PERCENT) return `×${GROUPS.format(Math.round(now / before))}`;
  return `${percent > 0 ? "+" : "−"}${Math.abs(percent)} %`;
}

const SIZES: [number, string][] = [
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

/** Bytes in three significant digits, by thousands, as Ollama writes them: 1,321,098,329 as ["1.32", "GB"], 12 as ["12", "B"]. */
export function byteParts(value: number): [string, string] {
  for (const [step, unit] of SIZES) {
    // As above: what rounds up to the next unit is written in that one.
    if (value >= step * 0.9995) {
      const scaled = value / step;
      return [scaled.toFixed(scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2), unit];
    }
  }
  return [Math.round(value).toString(), "B"];
}
