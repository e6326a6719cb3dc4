/** Today and this month of UTC, by which the gateway sums what it shows beside a user, a key, a model or a team. */
import { type Clock, dayAt, monthOf, nameOfDay, UTC } from "~/ui/clock";

export type UtcSpan = "today" | "month";

/** What a URL names such a span with: on a clock that is not UTC's, where today is another, by its days. */
export function utcPeriod(span: UtcSpan, now: Date, clock: Clock): string {
  if (clock.zone === UTC.zone) return `period=${span}`;
  const today = dayAt(now.getTime(), UTC);
  const [first, last] = span === "today" ? [today, today] : [monthOf(today), monthOf(today, 1) - 1];
  return `period=custom&from=${nameOfDay(first)}&to=${nameOfDay(last)}`;
}
