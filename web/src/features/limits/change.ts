/** Changes of limits: undone, counted and described. */
import type { Schemas } from "~/api/client";
import { COUNT_NAMES, type CountName, fieldLabel, type FigureName, isCost, type Limits } from "~/features/limits/names";
import type { Reading, Usage } from "~/features/limits/readings";
import { addUsd, decimal, exactUsd, negated } from "~/ui/format/money";
import { describeAlerts } from "~/features/limits/words";
import { count } from "~/ui/format/numbers";

export type LimitsChange = Schemas["LimitsForm"];

/** The change that undoes a change. */
export function inverse(limits: Limits, change: LimitsChange): LimitsChange {
  const { models, allowed_models: allowed, alerts, ...figures } = change;
  const back: LimitsChange = before(limits, Object.keys(figures) as FigureName[]);
  if (allowed !== undefined) back.allowed_models = limits.allowed_models;
  if (alerts !== undefined) back.alerts = limits.alerts;
  if (models !== undefined && models !== null) {
    back.models = {};
    for (const [model, own] of Object.entries(models)) {
      const was = limits.models[model];
      // A model that was removed comes back with all its limits; one that was added is removed again.
      back.models[model] = was === undefined ? null : before(was, own === null ? present(was) : (Object.keys(own) as CountName[]));
    }
  }
  return back;
}

function present(own: Limits["models"][string]): CountName[] {
  return COUNT_NAMES.filter((name) => own[name] !== null);
}

function before<Name extends FigureName>(limits: Readonly<Record<Name, number | null>>, names: readonly Name[]) {
  const back: Record<string, number | string | null> = {};
  for (const name of names) {
    const value = limits[name];
    back[name] = value !== null && isCost(name) ? decimal(value) : value;
  }
  return back as Partial<Record<Name, number | null>>;
}

/** The number of limits that a change touches. */
export function sizeOf(change: LimitsChange): number {
  const { models, ...rest } = change;
  const own = Object.values(models ?? {}).map((one) => (one === null ? 1 : Object.keys(one).length));
  return Object.keys(rest).length + own.reduce((all, one) => all + one, 0);
}

/** A change in words: "tokens per day: 50,000", "3 limits". */
export function describeChange(change: LimitsChange): string {
  const [only, ...more] = Object.keys(change);
  if (only === undefined || more.length > 0 || only === "models" || only === "allowed_models") {
    const size = sizeOf(change);
    return only === "allowed_models" && size === 1 ? "allowed models" : size === 1 ? "1 limit" : `${count(size)} limits`;
  }
  if (only === "alerts") return change.alerts === null || change.alerts === undefined ? "alerts as usual" : describeAlerts(change.alerts);
  const name = only as FigureName;
  const value = change[name] ?? null;
  const words = fieldLabel(name).toLowerCase();
  if (value === null) return `${words}: ${name === "queue_weight" ? "1" : "no limit"}`;
  return `${words}: ${isCost(name) ? exactUsd(decimal(value)) : count(Number(value))}`;
}

/** The meters after a change, before the gateway has answered: of limits that were set before. */
export function withChange(usage: Usage, change: LimitsChange): Usage {
  const { models, ...own } = usage;
  const after = withFigures(own, change);
  if (models === undefined) return after;
  const ofModels = Object.entries(models).map(([model, readings]) => {
    const changed = change.models?.[model];
    return [model, changed === null ? {} : withFigures(readings, changed ?? {})];
  });
  return { ...after, models: Object.fromEntries(ofModels) as NonNullable<Usage["models"]> };
}

function withFigures(readings: Record<string, Reading>, change: object): Record<string, Reading> {
  const changed = Object.entries(readings).flatMap(([name, reading]): [string, Reading][] => {
    const value = (change as Record<string, unknown>)[name];
    if (value === null) return [];
    if (typeof value !== "number" && typeof value !== "string") return [[name, reading]];
    return [[name, { ...reading, limit: Number(value), remaining: left(name, value, reading) }]];
  });
  return Object.fromEntries(changed);
}

function left(name: string, limit: number | string, { used, reserved }: Reading): number {
  const taken = [used, reserved].map((part) => (isCost(name) ? decimal(part) : String(part)));
  return Math.max(0, Number(addUsd([decimal(limit), ...taken.map(negated)])));
}
