/** The span of time that a page is about, kept in its URL: whole days or, where a link says so, hours. Days are days of UTC, as in the
 * ledger. */
import { useMemo } from "react";
import { useSearchParams } from "react-router";

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

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

export function periodOf(params: URLSearchParams, now: Date): Period {
  const wanted = params.get("period") ?? "month";
  const name: PeriodName = wanted in PERIODS ? (wanted as PeriodName) : "month";
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  const tomorrow = today + DAY_MS;
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
  const until = Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  const span = (from: number, to: number) => {
    const part = from < until && until < to;
    return period(name, from, to, from - (to - from), until, `${part ? "the same part of " : ""}${spanBefore(to - from)}`);
  };
  const thisMonth = () => {
    const last = lastMonth(month);
    // The last days of a long month have no counterpart in a shorter one.
    const words = last + (until - month) > month ? "all of last month" : "the same days of last month";
    return period("month", month, nextMonth(month), last, until, words);
  };
  switch (name) {
    case "today":
      return period(name, today, tomorrow, today - DAY_MS, until, "yesterday until this time");
    case "7d":
      return span(tomorrow - 7 * DAY_MS, tomorrow);
    case "30d":
      return span(tomorrow - 30 * DAY_MS, tomorrow);
    case "custom": {
      const from = beginning(params.get("from") ?? "");
      const to = end(params.get("to") ?? "");
      return Number.isNaN(from) || Number.isNaN(to) || to <= from ? thisMonth() : span(from, to);
    }
    case "month":
      return thisMonth();
  }
}

/** The first moment of a day, "2026-11-20", or a moment itself, "2026-11-20T13:00Z". */
function beginning(text: string): number {
  return Date.parse(isDay(text) ? `${text}T00:00:00Z` : text);
}

/** The first moment after a day, or a moment itself. */
function end(text: string): number {
  return beginning(text) + (isDay(text) ? DAY_MS : 0);
}

function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text);
}

/** "the day before", "the 3 hours before" */
function spanBefore(length: number): string {
  const [unit, ms] = length % DAY_MS === 0 ? ["day", DAY_MS] : length % HOUR_MS === 0 ? ["hour", HOUR_MS] : ["minute", MINUTE_MS];
  const count = Math.round(length / ms);
  return count === 1 ? `the ${unit} before` : `the ${count} ${unit}s before`;
}

/** `until`: the end of what can be compared by now; a span that is over or still to come is compared as a whole. */
function period(name: PeriodName, from: number, to: number, before: number, until: number, words: string): Period {
  const passed = from < until && until < to ? until - from : to - from;
  return { name, from: text(from), to: text(to), before: { from: text(before), to: text(Math.min(before + passed, from)), words } };
}

function text(at: number): string {
  return new Date(at).toISOString();
}

function nextMonth(month: number): number {
  const at = new Date(month);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
}

function lastMonth(month: number): number {
  const at = new Date(month);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - 1, 1);
}

const SPAN = { day: "numeric", month: "short", timeZone: "UTC" } as const;
const OF_HOURS = { ...SPAN, hour: "2-digit", minute: "2-digit" } as const;

/** The days of a period: "12 – 18 Nov"; with the year unless it is this one, and with its hours where it is not of whole days. */
export function spanOf({ from, to }: Period, now: Date): string {
  const ofDays = (Date.parse(to) - Date.parse(from)) % DAY_MS === 0;
  const [first, last] = [new Date(from), new Date(Date.parse(to) - (ofDays ? 1 : 0))];
  const ofNow = [first, last].every((at) => at.getUTCFullYear() === now.getUTCFullYear());
  const parts = ofDays ? SPAN : OF_HOURS;
  return new Intl.DateTimeFormat("en-GB", ofNow ? parts : { ...parts, year: "numeric" }).formatRange(first, last);
}

/** Every day of the period up to today, as the API writes them. */
export function daysOf({ from, to }: Period, now: Date): string[] {
  const days: string[] = [];
  const end = Math.min(Date.parse(to), now.getTime());
  for (let at = Date.parse(from); at < end; at += DAY_MS) days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** Every hour of a period of one day, up to now, as the API writes them. */
export function hoursOf({ from, to }: Period, now: Date): string[] {
  const hours: string[] = [];
  const end = Math.min(Date.parse(to), now.getTime());
  for (let at = Date.parse(from); at < end; at += HOUR_MS) hours.push(new Date(at).toISOString().replace(".000Z", "Z"));
  return hours;
}

export function usePeriod(): Period {
  const [params] = useSearchParams();
  // The same object until the URL or the minute changes: queries are keyed by it.
  const minute = new Date().toISOString().slice(0, 16);
  return useMemo(() => periodOf(params, new Date(`${minute}Z`)), [params, minute]);
}

/** Whether a span is at most a day, and is therefore shown by the hour. */
export function isOneDay({ from, to }: { from: string; to: string }): boolean {
  return Date.parse(to) - Date.parse(from) <= DAY_MS;
}
