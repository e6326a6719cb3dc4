/** The span of time that a page is about, kept in its URL. Its days are days of the page's clock. */
import { useMemo } from "react";
import { useSearchParams } from "react-router";

import {
  type Clock, dayAt, dayNamed, type DayNumber, formatIn, momentNamed, monthOf, nameOfDay, nameOfMoment, startOf, useClock, UTC,
} from "~/ui/clock";

export const PERIODS = { today: "Today", "7d": "7 days", "30d": "30 days", month: "This month", custom: "Custom" } as const;
export type PeriodName = keyof typeof PERIODS;

export interface Period {
  name: PeriodName;
  /** The first moment of the period, and the first after it; RFC 3339, UTC. */
  from: string;
  to: string;
  /** The period it is compared with: as much of the span before it as has passed of this one. */
  before: { from: string; to: string; words: string };
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * HOUR_MS;

/** The longest period, in days: what is drawn and asked for grows with it. */
export const LONGEST_DAYS = 5 * 366;

/** The period that a URL names; of one that is too long, the last part that is not still to come. Its bounds, where it is a custom one, mean the same on every clock, so that a link shows what its sender saw:
 * moments, of which `to` is the first after it, or days of UTC, both included. */
export function periodOf(params: URLSearchParams, now: Date, clock: Clock): Period {
  const wanted = params.get("period") ?? "month";
  const name: PeriodName = wanted in PERIODS ? (wanted as PeriodName) : "month";
  const today = dayAt(now.getTime(), clock);
  const until = Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  const days = (first: DayNumber, after: DayNumber) => {
    const count = after - first;
    const span = count === 1 ? "the day before" : `the ${count} days before`;
    const [from, to] = [startOf(first, clock), startOf(after, clock)];
    const part = from < until && until < to ? `the same part of ${span}` : span;
    return period(name, from, to, startOf(first - count, clock), until, part);
  };
  const thisMonth = () => {
    const first = monthOf(today);
    const [from, last] = [startOf(first, clock), startOf(monthOf(first, -1), clock)];
    // The last days of a long month have no counterpart in a shorter one.
    const words = last + (until - from) > from ? "all of last month" : "the same days of last month";
    return period("month", from, startOf(monthOf(first, 1), clock), last, until, words);
  };
  switch (name) {
    case "today":
      return period(name, startOf(today, clock), startOf(today + 1, clock), startOf(today - 1, clock), until, "yesterday until this time");
    case "7d":
      return days(today - 6, today + 1);
    case "30d":
      return days(today - 29, today + 1);
    case "custom": {
      const named = { from: boundNamed(params.get("from") ?? "", 0), to: boundNamed(params.get("to") ?? "", 1) };
      if (!(named.from < named.to)) return thisMonth();
      const { from, to } = bounded(named, today, clock);
      const whole = [from, to].every((at) => isMidnight(at, clock));
      return whole ? days(dayAt(from, clock), dayAt(to, clock)) : period(name, from, to, from - (to - from), until, spanBefore(to - from));
    }
    case "month":
      return thisMonth();
  }
}

/** At most the longest period of a span: its end, or that which ends today. */
function bounded({ from, to }: { from: number; to: number }, today: DayNumber, clock: Clock): { from: number; to: number } {
  const days = (at: number, more: number) => startOf(dayAt(at, clock) + more, clock);
  if (days(from, LONGEST_DAYS) >= to) return { from, to };
  const end = Math.min(to, Math.max(startOf(today + 1, clock), days(from, LONGEST_DAYS)));
  return { from: Math.max(from, days(end, -LONGEST_DAYS)), to: end };
}

/** "the hour before", "the 3 hours before" */
function spanBefore(length: number): string {
  const [unit, ms] = length % HOUR_MS === 0 ? ["hour", HOUR_MS] : ["minute", MINUTE_MS];
  const count = Math.round(length / ms);
  return count === 1 ? `the ${unit} before` : `the ${count} ${unit}s before`;
}

/** `until`: the end of what can be compared by now; a span that is over or still to come is compared as a whole. */
function period(name: PeriodName, from: number, to: number, before: number, until: number, words: string): Period {
  const passed = from < until && until < to ? until - from : Infinity;
  return { name, from: text(from), to: text(to), before: { from: text(before), to: text(Math.min(before + passed, from)), words } };
}

function text(at: number): string {
  return new Date(at).toISOString();
}

/** A moment, or the beginning of a day of UTC, or of one so many days later; NaN for what is neither. */
function boundNamed(name: string, later: number): number {
  return name.includes("T") ? Date.parse(name) : startOf(dayNamed(name) + later, UTC);
}

/** What a URL names a span with: its moments, so that it is the same on a page with another clock. Every link to what was counted in a
 * period has its period by this. */
export function paramsOf({ from, to }: { from: string; to: string }): Record<"period" | "from" | "to", string> {
  return { period: "custom", from, to };
}

/** The span of days of a clock, both included, as URLs name it; null where there is no such span. */
export function spanOfDays(first: string, last: string, clock: Clock): { from: string; to: string } | null {
  if (!(dayNamed(first) <= dayNamed(last))) return null;
  if (clock.zone === UTC.zone) return { from: first, to: last };
  return { from: text(startOf(dayNamed(first), clock)), to: text(startOf(dayNamed(last) + 1, clock)) };
}

/** What a form says of a span: days of a clock, and times on them. No time: the beginning of the first day, the end of the last. */
export interface SpanInput {
  from: string;
  fromTime: string;
  to: string;
  toTime: string;
}

/** What is wrong with the span that a form says. */
export type SpanFault = "reversed" | "too long";

/** The span that a form says, as URLs name it, or what is wrong with it. */
export function spanOfInput(input: SpanInput, clock: Clock): { from: string; to: string } | SpanFault {
  const span = spanNamed(input, clock);
  if (span === null) return "reversed";
  return dayNamed(input.to) - dayNamed(input.from) < LONGEST_DAYS ? span : "too long";
}

function spanNamed({ from, fromTime, to, toTime }: SpanInput, clock: Clock): { from: string; to: string } | null {
  if (fromTime === "" && toTime === "") return spanOfDays(from, to, clock);
  const first = fromTime === "" ? startOf(dayNamed(from), clock) : momentNamed(`${from}T${fromTime}`, clock);
  const after = toTime === "" ? startOf(dayNamed(to) + 1, clock) : momentNamed(`${to}T${toTime}`, clock);
  return first < after ? { from: text(first), to: text(after) } : null;
}

/** A period as a form says it. */
export function inputOf(period: { from: string; to: string }, clock: Clock): SpanInput {
  const [from, to] = [Date.parse(period.from), Date.parse(period.to)];
  const [first, last] = [nameOfMoment(from, clock), nameOfMoment(to, clock)];
  const days = daysOf(period, clock);
  return {
    from: days.first,
    fromTime: isMidnight(from, clock) ? "" : first.slice(11),
    // A time on a day of its own; a whole day ends with it.
    to: isMidnight(to, clock) ? days.last : last.slice(0, 10),
    toTime: isMidnight(to, clock) ? "" : last.slice(11),
  };
}

const DAY = { day: "numeric", month: "short" } as const;
const TIME = { ...DAY, hour: "2-digit", minute: "2-digit" } as const;

/** A period in words: its days, "12 – 18 Nov", or its times, "12 Nov, 14:00 – 15:00"; with the year unless it is this one. */
export function spanOf({ from, to }: { from: string; to: string }, now: Date, clock: Clock): string {
  const [first, after] = [Date.parse(from), Date.parse(to)];
  const whole = [first, after].every((at) => isMidnight(at, clock));
  const ofNow = [first, after - 1].every((at) => yearOf(at, clock) === yearOf(now.getTime(), clock));
  const options = whole ? DAY : TIME;
  return formatIn(clock, ofNow ? options : { ...options, year: "numeric" }).formatRange(first, whole ? after - 1 : after);
}

/** The period in words, after a figure: "this month", "7 days", "12 – 18 Nov". */
export function spanWords(period: Period, now: Date, clock: Clock): string {
  return period.name === "custom" ? spanOf(period, now, clock) : PERIODS[period.name].toLowerCase();
}

function isMidnight(at: number, clock: Clock): boolean {
  return startOf(dayAt(at, clock), clock) === at;
}

function yearOf(at: number, clock: Clock): string {
  return nameOfDay(dayAt(at, clock)).slice(0, 4);
}

/** The days of a period, first and last. */
export function daysOf({ from, to }: { from: string; to: string }, clock: Clock): { first: string; last: string } {
  return { first: nameOfDay(dayAt(Date.parse(from), clock)), last: nameOfDay(dayAt(Date.parse(to) - 1, clock)) };
}

/** A place of a chart over a period: its first moment and the first after it (RFC 3339, UTC), and its name on the page's clock. */
export interface Column {
  from: string;
  to: string;
  label: string;
}

const LABELS = { hour: { hour: "2-digit", minute: "2-digit" }, day: DAY, month: { month: "short", year: "numeric" } } as const;

export type Step = keyof typeof LABELS;

/** The most days that are columns of their own: some clocks have each of them asked for by itself. */
const MOST_DAYS = 100;

/** What the columns of a period are: days, but hours where it is at most a day, and months where it is long. */
export function stepOf(period: { from: string; to: string }): Step {
  if (isOneDay(period)) return "hour";
  return Date.parse(period.to) - Date.parse(period.from) <= MOST_DAYS * DAY_MS + HOUR_MS ? "day" : "month";
}

/** The columns of a period up to now. Hours are those of UTC, by which the API has its sums: where the clock is half an hour off them, the
 * first and the last are the part of an hour that is in the period. */
export function columnsOf(period: { from: string; to: string }, clock: Clock, now: Date): Column[] {
  const step = stepOf(period);
  const [from, to] = [Date.parse(period.from), Date.parse(period.to)];
  const format = formatIn(clock, LABELS[step]);
  const next = (at: number) => {
    if (step === "hour") return Math.floor(at / HOUR_MS) * HOUR_MS + HOUR_MS;
    const day = dayAt(at, clock);
    return startOf(step === "day" ? day + 1 : monthOf(day, 1), clock);
  };
  const columns: Column[] = [];
  for (let at = from; at < Math.min(to, now.getTime()); at = next(at)) {
    columns.push({ from: text(at), to: text(Math.min(next(at), to)), label: format.format(at) });
  }
  return columns;
}

/** Whether sums by the hour are enough to fill these columns: no hour is in two of them. */
export function haveWholeHours(columns: readonly Column[]): boolean {
  return columns.slice(1).every(({ from }) => Date.parse(from) % HOUR_MS === 0);
}

/** The column that a moment is in; -1 for none. */
export function columnAt(columns: readonly Column[], at: number): number {
  // From the last on: rows are asked for up to now, and most are recent.
  return columns.findLastIndex(({ from, to }) => Date.parse(from) <= at && at < Date.parse(to));
}

export function usePeriod(): Period {
  const [params] = useSearchParams();
  const clock = useClock();
  // The same object until the URL, the clock or the minute changes: queries are keyed by it.
  const minute = new Date().toISOString().slice(0, 16);
  return useMemo(() => periodOf(params, new Date(`${minute}Z`), clock), [params, minute, clock]);
}

/** The longest day there is: that on which clocks are set back. */
const LONGEST_DAY_MS = 25 * HOUR_MS;

/** Whether a span is at most a day, and is therefore shown by the hour. */
export function isOneDay({ from, to }: { from: string; to: string }): boolean {
  return Date.parse(to) - Date.parse(from) <= LONGEST_DAY_MS;
}
