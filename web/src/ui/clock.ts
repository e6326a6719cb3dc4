/**
 * The clock of the pages: the zone of every day, hour and time on them, UTC or the viewer's own, as chosen by the switch in the rail
 * and kept in this browser. Days begin at midnight of that zone: on a day when clocks are changed they have 23 or 25 hours.
 */
import { createContext, useContext, useSyncExternalStore } from "react";

export interface Clock {
  readonly choice: "here" | "utc";
  /** The name of its zone in the IANA database, or "UTC". */
  readonly zone: string;
}

export const UTC: Clock = { choice: "utc", zone: "UTC" };

/** The clock of a zone. */
export function clockOf(zone: string): Clock {
  return { choice: "here", zone: isUtc(zone) ? "UTC" : zone };
}

/** Names by which browsers call UTC. */
function isUtc(zone: string): boolean {
  return ["UTC", "Etc/UTC", "Etc/GMT", "GMT"].includes(zone);
}

/** " (UTC)" where times are in UTC, for titles and heads; the viewer's own zone needs no name. */
export function zoneNote({ zone }: Clock): string {
  return zone === "UTC" ? " (UTC)" : "";
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** A format for the times of a zone; made once, since making one takes longer than using it a hundred times. */
export function formatIn({ zone }: Clock, options: Intl.DateTimeFormatOptions, locale = "en-GB"): Intl.DateTimeFormat {
  const key = JSON.stringify([zone, locale, options]);
  let found = FORMATS.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
    FORMATS.set(key, found);
  }
  return found;
}

/** Days since 1 January 1970, by the calendar. Numbers, so that days can be counted without knowing how long they are. */
export type DayNumber = number;
const DAY_MS = 86_400_000;

/** The day that a moment is in. */
export function dayAt(at: number, clock: Clock): DayNumber {
  return Math.floor(wallAt(at, clock) / DAY_MS);
}

/** The first moment of a day. */
export function startOf(day: DayNumber, clock: Clock): number {
  return momentAt(day * DAY_MS, clock);
}

/** The moment at which the clock shows "2026-11-20T12:30", the first where it does so twice; NaN for what is no such text. */
export function momentNamed(text: string, clock: Clock): number {
  return momentAt(Date.parse(`${text}Z`), clock);
}

/** "2026-11-20T12:30" */
export function nameOfMoment(at: number, clock: Clock): string {
  return new Date(wallAt(at, clock)).toISOString().slice(0, 16);
}

/** The first moment at which the wall shows this; where that is left out, since the clock is set forward, the moment at which it is. */
function momentAt(wall: number, clock: Clock): number {
  if (Number.isNaN(wall)) return wall;
  // By how far the clock is ahead before that day, and after it: this differs where it is changed on that day.
  const found = [wall - DAY_MS, wall + DAY_MS].map((near) => wall - (wallAt(near, clock) - near)).sort((one, other) => one - other);
  return found.find((at) => wallAt(at, clock) === wall) ?? Math.max(...found);
}

/** "2026-11-20" as a day; NaN for what is none. */
export function dayNamed(name: string): DayNumber {
  return /^\d{4}-\d\d-\d\d$/.test(name) ? Date.parse(`${name}T00:00:00Z`) / DAY_MS : Number.NaN;
}

/** "2026-11-20" */
export function nameOfDay(day: DayNumber): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** The first day of the month that a day is in, or of one so many months later. */
export function monthOf(day: DayNumber, later = 0): DayNumber {
  const at = new Date(day * DAY_MS);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + later, 1) / DAY_MS;
}

const WALL = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;

/** What the clock on the wall shows at a moment, as if it were UTC. */
function wallAt(at: number, clock: Clock): number {
  if (clock.zone === "UTC") return at;
  const part = Object.fromEntries(formatIn(clock, WALL, "en-US").formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const second = Date.UTC(part["year"] ?? 0, (part["month"] ?? 1) - 1, part["day"], part["hour"], part["minute"], part["second"]);
  return second + (((at % 1000) + 1000) % 1000);
}

const KEY = "tollkeeper.clock";

/** The clock that was chosen, for all tabs of this browser; for this tab alone where the browser keeps nothing. */
class ChosenClock {
  private readonly watchers = new Set<() => void>();
  private kept: Clock["choice"] = "here";
  private own: Clock | null = null;

  readonly watch = (changed: () => void) => {
    this.watchers.add(changed);
    window.addEventListener("storage", changed);
    return () => {
      this.watchers.delete(changed);
      window.removeEventListener("storage", changed);
    };
  };

  readonly now = (): Clock => (this.read() === "utc" ? UTC : this.here());

  /** The clock of the viewer's zone, which holds as long as the page does. */
  readonly here = (): Clock => (this.own ??= clockOf(Intl.DateTimeFormat().resolvedOptions().timeZone));

  choose(choice: Clock["choice"]) {
    this.kept = choice;
    try {
      window.localStorage.setItem(KEY, choice);
    } catch {
      // It holds as long as the page does.
    }
    for (const changed of this.watchers) changed();
  }

  private read(): string {
    try {
      return window.localStorage.getItem(KEY) ?? this.kept;
    } catch {
      return this.kept;
    }
  }
}

const chosen = new ChosenClock();

/** What the route of a page says that counts in days and hours of UTC, as the ledger has them: so is all of the page. */
export const IN_UTC = "in UTC";

/** The clock of a page that has only one, whatever is chosen; null: the chosen one. */
export const PageClock = createContext<Clock | null>(null);

/** The clock of this page; what uses it is drawn again when another is chosen. */
export function useClock(): Clock {
  const own = useContext(PageClock);
  const now = useSyncExternalStore(chosen.watch, chosen.now);
  return own ?? now;
}

/** Whether this page goes by one clock, whatever is chosen. */
export function useFixedClock(): boolean {
  return useContext(PageClock) !== null;
}

/** The clock of the viewer's own zone, whichever is chosen. */
export function viewersClock(): Clock {
  return chosen.here();
}

export function chooseClock(choice: Clock["choice"]) {
  chosen.choose(choice);
}
