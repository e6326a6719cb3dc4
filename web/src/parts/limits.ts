/** Limits as people edit them: text in fields, and the change that follows from it. */
import type { Schemas } from "~/api/client";
import { addUsd, count, decimal, exactUsd } from "~/parts/format";
import { limitName, type Reading, type Usage } from "~/parts/Meter";

export type Limits = Schemas["LimitsBody"];
export type LimitsChange = Schemas["LimitsForm"];
/** What counts over a span of time; a model may have its own. */
export type CountName = keyof Limits["models"][string];
/** Every limit that is one figure. */
export type FigureName = Exclude<keyof Limits, "allowed_models" | "models">;

interface Group {
  title: string;
  fields: readonly [name: CountName, span: string][];
}

export const COUNTED: readonly Group[] = [
  {
    title: "Requests",
    fields: [
      ["requests_per_second", "per second"],
      ["requests_per_minute", "per minute"],
      ["requests_per_hour", "per hour"],
      ["requests_per_day", "per day"],
      ["requests_per_month", "per month"],
      ["requests_total", "in all"],
    ],
  },
  {
    title: "Tokens",
    fields: [
      ["tokens_per_minute", "per minute"],
      ["tokens_per_hour", "per hour"],
      ["tokens_per_day", "per day"],
      ["tokens_per_month", "per month"],
      ["tokens_total", "in all"],
    ],
  },
  {
    title: "Cost",
    fields: [
      ["cost_usd_per_day", "per day"],
      ["cost_usd_per_month", "per month"],
      ["cost_usd_total", "in all"],
    ],
  },
];

export const COUNT_NAMES: readonly CountName[] = COUNTED.flatMap((group) => group.fields.map(([name]) => name));
export const PLAIN_NAMES: readonly Exclude<FigureName, CountName>[] = ["max_concurrent_requests", "max_tokens_per_request"];
export const FIGURE_NAMES: readonly FigureName[] = [...COUNT_NAMES, ...PLAIN_NAMES];

/** Those that are changed most, for the editor in the table. */
export const QUICK: readonly FigureName[] = ["cost_usd_per_month", "tokens_per_day", "requests_per_minute", "max_concurrent_requests"];

export function isCost(name: string): boolean {
  return name.startsWith("cost_usd");
}

/** How a limit is called: "Tokens per day". */
export function wordsOf(name: FigureName): string {
  return name === "max_tokens_per_request" ? "Tokens in one request" : limitName(name).label;
}

/** What stands in the fields. A text that is empty is no limit. Texts of models are by model, then by name. */
export interface Draft {
  figures: Readonly<Partial<Record<FigureName, string>>>;
  allowed: readonly string[] | null;
  models: Readonly<Record<string, Readonly<Partial<Record<CountName, string>>>>>;
}

export function draftOf(limits: Limits): Draft {
  return {
    figures: textsOf(limits, FIGURE_NAMES),
    allowed: limits.allowed_models,
    models: Object.fromEntries(Object.entries(limits.models).map(([model, own]) => [model, textsOf(own, COUNT_NAMES)])),
  };
}

function textsOf<Name extends FigureName>(limits: Readonly<Record<Name, number | null>>, names: readonly Name[]) {
  const texts: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = limits[name];
    if (value !== null) texts[name] = isCost(name) ? decimal(value) : count(value);
  }
  return texts;
}

const MOST = 10n ** 15n;
const GROUPED = /^[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/;

export type Read = { value: number | string | null } | { fault: string };

/** A field's text as the API takes it: whole numbers as such, money as exact decimal text, nothing as null. */
export function readFigure(name: string, text: string): Read {
  const cost = isCost(name);
  const bare = text.trim().replace(cost ? /^\$\s*/ : "", "");
  if (bare === "") return { value: null };
  // A comma groups thousands; "0,5" could be meant otherwise and is not guessed at.
  const plain = GROUPED.test(bare) ? bare.replaceAll(",", "") : bare;
  if (cost) {
    if (!/^\d{1,16}(\.\d{1,40})?$/.test(plain)) return { fault: "An amount in dollars, like 12.50; empty is no limit." };
    const [whole = "0", fraction = ""] = plain.split(".");
    const digits = fraction.replace(/0+$/, "");
    if (digits.length > 12) return { fault: "At most 12 digits behind the point." };
    if (BigInt(whole) > MOST || (BigInt(whole) === MOST && digits !== "")) return { fault: "That is more than a limit can be." };
    return { value: `${BigInt(whole)}${digits === "" ? "" : `.${digits}`}` };
  }
  if (!/^\d{1,40}$/.test(plain)) return { fault: "A whole number, like 1000; empty is no limit." };
  return BigInt(plain) > MOST ? { fault: "That is more than a limit can be." } : { value: Number(plain) };
}

/** By the name the API gives the field: "requests_per_day", "models.llama3.2:1b.requests_per_day". */
export type Faults = Readonly<Record<string, string>>;

/** What follows from an edit: the body to send, which has only what is different, and what cannot be sent. */
export function changeOf(limits: Limits, draft: Draft): { change: LimitsChange; faults: Faults } {
  const faults: Record<string, string> = {};
  const change: LimitsChange = figuresChanged(draftOf(limits).figures, draft.figures, FIGURE_NAMES, "", faults);
  if (!sameNames(limits.allowed_models, draft.allowed)) change.allowed_models = draft.allowed === null ? null : [...draft.allowed];
  const models = modelsChanged(limits, draft, faults);
  if (Object.keys(models).length > 0) change.models = models;
  return { change, faults };
}

function modelsChanged(limits: Limits, draft: Draft, faults: Record<string, string>) {
  const before = draftOf(limits).models;
  const models: NonNullable<LimitsChange["models"]> = {};
  for (const model of Object.keys(before)) if (draft.models[model] === undefined) models[model] = null;
  for (const [model, texts] of Object.entries(draft.models)) {
    const own = figuresChanged(before[model] ?? {}, texts, COUNT_NAMES, `models.${model}.`, faults);
    // Nothing but cleared fields: the model has no limits of its own any more.
    const left = COUNT_NAMES.some((name) => (texts[name] ?? "").trim() !== "");
    if (!left && before[model] !== undefined) models[model] = null;
    else if (Object.keys(own).length > 0) models[model] = own;
  }
  return models;
}

function figuresChanged<Name extends FigureName>(
  before: Readonly<Partial<Record<Name, string>>>,
  after: Readonly<Partial<Record<Name, string>>>,
  names: readonly Name[],
  place: string,
  faults: Record<string, string>,
): Partial<Record<Name, number | null>> {
  const changed: Record<string, number | string | null> = {};
  for (const name of names) {
    const [old, text] = [before[name] ?? "", after[name] ?? ""];
    if (old === text) continue;
    const read = readFigure(name, text);
    const was = readFigure(name, old);
    if ("fault" in read) faults[place + name] = read.fault;
    else if (!("value" in was) || was.value !== read.value) changed[name] = read.value;
  }
  return changed as Partial<Record<Name, number | null>>;
}

function sameNames(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((name, place) => name === b[place]);
}

/** The change that takes a change back. */
export function inverse(limits: Limits, change: LimitsChange): LimitsChange {
  const { models, allowed_models: allowed, ...figures } = change;
  const back: LimitsChange = before(limits, Object.keys(figures) as FigureName[]);
  if (allowed !== undefined) back.allowed_models = limits.allowed_models;
  if (models !== undefined && models !== null) {
    back.models = {};
    for (const [model, own] of Object.entries(models)) {
      const was = limits.models[model];
      // A model that was removed comes back whole; one that was not there goes again.
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

/** How many limits a change is about. */
export function sizeOf(change: LimitsChange): number {
  const { models, ...rest } = change;
  const own = Object.values(models ?? {}).map((one) => (one === null ? 1 : Object.keys(one).length));
  return Object.keys(rest).length + own.reduce((all, one) => all + one, 0);
}

/** A change in words: "tokens per day 50,000", "3 limits". */
export function toldOf(change: LimitsChange): string {
  const [only, ...more] = Object.keys(change);
  if (only === undefined || more.length > 0 || only === "models" || only === "allowed_models") {
    const size = sizeOf(change);
    return only === "allowed_models" && size === 1 ? "allowed models" : size === 1 ? "1 limit" : `${count(size)} limits`;
  }
  const name = only as FigureName;
  const value = change[name] ?? null;
  const words = wordsOf(name).toLowerCase();
  if (value === null) return `${words}: no limit`;
  return `${words}: ${isCost(name) ? exactUsd(decimal(value)) : count(Number(value))}`;
}

/** What the meters show of a change before the gateway has answered: of limits that are there already. */
export function withChange(usage: Usage, change: LimitsChange): Usage {
  const readings = Object.entries(usage as Record<string, Reading>).flatMap(([name, reading]): [string, Reading][] => {
    const value = (change as Record<string, unknown>)[name];
    if (value === null) return [];
    if (typeof value !== "number" && typeof value !== "string") return [[name, reading]];
    return [[name, { ...reading, limit: Number(value), remaining: left(name, value, reading) }]];
  });
  return Object.fromEntries(readings);
}

function left(name: string, limit: number | string, { used, reserved }: Reading): number {
  const taken = [used, reserved].map((part) => (isCost(name) ? decimal(part) : String(part)));
  const rest = addUsd([decimal(limit), ...taken.map((part) => (part.startsWith("-") ? part.slice(1) : `-${part}`))]);
  return Math.max(0, Number(rest));
}
