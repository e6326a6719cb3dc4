/** Times and durations as text. One clock on all pages, that of the filters, the sums and the API: UTC. */

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
const DAY_MS = 86_400_000;
const SPANS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** "now", "5 min. ago", "in 3 hr.", "tomorrow", which is the next day of UTC; a date when it is more than a month away. */
export function relative(at: Date, now: Date): string {
  const apart = at.getTime() - now.getTime();
  if (Math.abs(apart) > 31 * DAY_MS) return day(at);
  if (Math.abs(apart) >= DAY_MS) return RELATIVE.format(dayNumber(at) - dayNumber(now), "day");
  for (const [unit, span] of SPANS) {
    if (Math.abs(apart) >= span) return RELATIVE.format(Math.trunc(apart / span), unit);
  }
  return Math.abs(apart) < 10_000 ? "now" : RELATIVE.format(Math.trunc(apart / 1000), "second");
}

function dayNumber(at: Date): number {
  return Math.floor(at.getTime() / DAY_MS);
}

const TO_THE_MINUTE = { hour: "2-digit", minute: "2-digit", timeZone: "UTC" } as const;
const TO_THE_SECOND = { ...TO_THE_MINUTE, second: "2-digit" } as const;
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const SECOND = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...TO_THE_SECOND });
const MINUTE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...TO_THE_MINUTE });
const LONG = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", ...TO_THE_MINUTE });
const CLOCK = new Intl.DateTimeFormat("en-GB", TO_THE_SECOND);
const HERE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MONTH = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });
const SHORT_UTC_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

function day(at: Date): string {
  return DAY.format(at);
}

/** To the second: "20 Nov, 12:05:59 UTC"; in another year to the minute: "1 Feb 2025, 12:05 UTC" */
export function timestamp(at: Date, now = new Date()): string {
  return `${(at.getUTCFullYear() === now.getUTCFullYear() ? SECOND : LONG).format(at)} UTC`;
}

/** To the minute: "20 Nov, 12:05 UTC" */
export function minute(at: Date): string {
  return `${MINUTE.format(at)} UTC`;
}

/** "12:05:59" in UTC, for axes and rows below a label that says so. */
export function clock(at: Date): string {
  return CLOCK.format(at);
}

/** "20 Nov, 13:05:59" in the browser's time zone, for showing beside the same moment in UTC. */
export function local(at: Date): string {
  return HERE.format(at);
}

/** "2026-11-20 12:05:59.123 UTC" */
export function utc(at: Date): string {
  return at.toISOString().replace("T", " ").replace("Z", " UTC");
}

/** "2026-11-20", a day of UTC as the API writes it, as "20 Nov", or with its year. */
export function utcDay(name: string, withYear = false): string {
  return (withYear ? DAY : SHORT_UTC_DAY).format(new Date(`${name}T00:00:00Z`));
}

/** "2026-10" as "October 2026"; what is no month stays as it is. */
export function monthWords(month: string): string {
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(month) ? MONTH.format(new Date(`${month}-01T00:00:00Z`)) : month;
}
