/** Times and durations as text. Times are those of the page's clock, and say so where that is UTC. */
import { type Clock, dayAt, formatIn, UTC } from "~/ui/clock";

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

/** "now", "5 min. ago", "in 3 hr.", "tomorrow", which is the next day of the clock; a date when it is more than a month away. */
export function relative(at: Date, now: Date, clock: Clock): string {
  const apart = at.getTime() - now.getTime();
  if (Math.abs(apart) > 31 * DAY_MS) return formatIn(clock, LONG_DAY).format(at);
  if (Math.abs(apart) >= DAY_MS) return RELATIVE.format(dayAt(at.getTime(), clock) - dayAt(now.getTime(), clock), "day");
  for (const [unit, span] of SPANS) {
    if (Math.abs(apart) >= span) return RELATIVE.format(Math.trunc(apart / span), unit);
  }
  return Math.abs(apart) < 10_000 ? "now" : RELATIVE.format(Math.trunc(apart / 1000), "second");
}

const DAY = { day: "numeric", month: "short" } as const;
const LONG_DAY = { ...DAY, year: "numeric" } as const;
const TO_THE_MINUTE = { hour: "2-digit", minute: "2-digit" } as const;
const TO_THE_SECOND = { ...TO_THE_MINUTE, second: "2-digit" } as const;
const MONTH = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

/** To the second: "20 Nov, 12:05:59 UTC"; in another year to the minute: "1 Feb 2025, 12:05 UTC" */
export function timestamp(at: Date, clock: Clock, now = new Date()): string {
  const [year, thisYear] = [at, now].map((one) => formatIn(clock, { year: "numeric" }).format(one));
  return withZone(formatIn(clock, year === thisYear ? { ...DAY, ...TO_THE_SECOND } : { ...LONG_DAY, ...TO_THE_MINUTE }).format(at), clock);
}

/** To the minute: "20 Nov, 12:05 UTC" */
export function minute(at: Date, clock: Clock): string {
  return withZone(formatIn(clock, { ...DAY, ...TO_THE_MINUTE }).format(at), clock);
}

/** "12:05:59", for axes and rows below a label that says of which clock. */
export function timeOfDay(at: Date, clock: Clock): string {
  return formatIn(clock, TO_THE_SECOND).format(at);
}

/** "20 Nov, 13:05:59" in the zone of a clock, for showing beside the same moment in UTC. */
export function local(at: Date, clock: Clock): string {
  return formatIn(clock, { ...DAY, ...TO_THE_SECOND }).format(at);
}

function withZone(text: string, { zone }: Clock): string {
  return zone === UTC.zone ? `${text} UTC` : text;
}

/** "2026-11-20 12:05:59.123 UTC" */
export function utc(at: Date): string {
  return at.toISOString().replace("T", " ").replace("Z", " UTC");
}

/** "2026-11-20", a day of UTC as the API writes it, as "20 Nov", or with its year. */
export function utcDay(name: string, withYear = false): string {
  return formatIn(UTC, withYear ? LONG_DAY : DAY).format(new Date(`${name}T00:00:00Z`));
}

/** "2026-10" as "October 2026"; what is no month stays as it is. */
export function monthWords(month: string): string {
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(month) ? MONTH.format(new Date(`${month}-01T00:00:00Z`)) : month;
}
