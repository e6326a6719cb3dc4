/** The span of time a page looks at, kept in its URL. Days are days of UTC, as the ledger's sums are. */
import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";

export const PERIODS = { today: "Today", "7d": "7 days", "30d": "30 days", month: "This month", custom: "Custom" } as const;
export type PeriodName = keyof typeof PERIODS;

export interface Period {
  name: PeriodName;
  /** The first moment that counts, and the first that no longer does; RFC 3339, UTC. */
  from: string;
  to: string;
  /** The same length of time before it. */
  before: { from: string; to: string };
}

const DAY_MS = 86_400_000;

export function periodOf(params: URLSearchParams, now: Date): Period {
  const asked = params.get("period") ?? "month";
  const name: PeriodName = asked in PERIODS ? (asked as PeriodName) : "month";
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  const tomorrow = today + DAY_MS;
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
  switch (name) {
    case "today":
      return period(name, today, tomorrow);
    case "7d":
      return period(name, tomorrow - 7 * DAY_MS, tomorrow);
    case "30d":
      return period(name, tomorrow - 30 * DAY_MS, tomorrow);
    case "custom": {
      const from = Date.parse(`${params.get("from") ?? ""}T00:00:00Z`);
      const last = Date.parse(`${params.get("to") ?? ""}T00:00:00Z`);
      if (Number.isNaN(from) || Number.isNaN(last) || last < from) return period("month", month, nextMonth(month), lastMonth(month));
      return period(name, from, last + DAY_MS);
    }
    case "month":
      return period(name, month, nextMonth(month), lastMonth(month));
  }
}

function period(name: PeriodName, from: number, to: number, before = from - (to - from)): Period {
  return {
    name,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    before: { from: new Date(before).toISOString(), to: new Date(from).toISOString() },
  };
}

function nextMonth(month: number): number {
  const at = new Date(month);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
}

function lastMonth(month: number): number {
  const at = new Date(month);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - 1, 1);
}

/** Every day of the period up to today, as the API names them. */
export function daysOf({ from, to }: Period, now: Date): string[] {
  const days: string[] = [];
  const end = Math.min(Date.parse(to), now.getTime());
  for (let at = Date.parse(from); at < end; at += DAY_MS) days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** Every hour of the period up to now: for a period of one day. */
export function hoursOf({ from, to }: Period, now: Date): string[] {
  const hours: string[] = [];
  const end = Math.min(Date.parse(to), now.getTime());
  for (let at = Date.parse(from); at < end; at += 3_600_000) hours.push(new Date(at).toISOString().replace(".000Z", "Z"));
  return hours;
}

export function usePeriod(): Period {
  const [params] = useSearchParams();
  // One object for as long as the URL and the day are the same: queries are keyed by it.
  const today = new Date().toISOString().slice(0, 10);
  return useMemo(() => periodOf(params, new Date(`${today}T00:00:00Z`)), [params, today]);
}

/** Part of the URL as state: "" takes it away, and any filter that changes leads back to the first page. */
export function useFilter(name: string): [string, (value: string) => void] {
  const [params, setParams] = useSearchParams();
  const set = (value: string) => {
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (value === "") next.delete(name);
        else next.set(name, value);
        if (name !== "after") next.delete("after");
        return next;
      },
      { replace: name === "q" },
    );
  };
  return [params.get(name) ?? "", set];
}

/** Which panel is open over the page, in its URL; the filters and the page of the table below it stay. "": none. */
export function usePanel(name: string): [string, (value: string) => void] {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (value: string) => {
      setParams((old) => {
        const next = new URLSearchParams(old);
        if (value === "") next.delete(name);
        else next.set(name, value);
        return next;
      });
    },
    [name, setParams],
  );
  return [params.get(name) ?? "", set];
}
