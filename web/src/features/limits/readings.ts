/** What is used of limits, as the API reports it. */
import type { Schemas } from "~/api/client";
import type { MeterState } from "~/ui/Meter";

export type Usage = Schemas["UsageBody"];
export type Reading = NonNullable<Usage["tokens_per_day"]>;

/** "near" from four fifths on; what running requests have reserved counts as taken. */
export function stateOf({ limit, used, reserved }: Reading): MeterState {
  const taken = used + reserved;
  if (taken >= limit) return "full";
  return taken * 10 >= limit * 8 ? "near" : "fine";
}

/** Shares of the limit, 0 to 1. */
export function sharesOf({ limit, used, reserved }: Reading): { used: number; reserved: number } {
  if (limit === 0) return { used: 1, reserved: 0 };
  // Corrections can make what was used negative.
  const part = Math.min(1, Math.max(0, used / limit));
  return { used: part, reserved: Math.min(1 - part, reserved / limit) };
}

/** All readings in one list, the fullest first. Those of one model are named "models.<model>.<limit>". */
export function readingsOf(usage: Usage): [name: string, Reading][] {
  const flat: [string, Reading][] = [];
  for (const [name, reading] of Object.entries(usage)) {
    if (name === "models") {
      for (const [model, readings] of Object.entries(reading as unknown as Record<string, Record<string, Reading>>)) {
        for (const [own, one] of Object.entries(readings)) flat.push([`models.${model}.${own}`, one]);
      }
    } else flat.push([name, reading as Reading]);
  }
  return flat.sort(([, a], [, b]) => fullness(b) - fullness(a));
}

/** The reading of a limit that is not one model's; undefined where there is no such limit. */
export function readingOf(usage: Usage | undefined, name: string): Reading | undefined {
  return (usage as Record<string, Reading> | undefined)?.[name];
}

/** The reading of a limit by its name in `readingsOf`, one model's included. */
export function readingAt(usage: Usage, name: string): Reading | undefined {
  return readingsOf(usage).find(([found]) => found === name)?.[1];
}

function fullness({ limit, used, reserved }: Reading): number {
  return limit === 0 ? 1 : (used + reserved) / limit;
}
