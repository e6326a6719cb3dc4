/** Limits while they are edited: text in fields, and the change that follows from it. */
import type { LimitsChange } from "~/features/limits/change";
import { COUNT_NAMES, type CountName, FIGURE_NAMES, type FigureName, isCost, type Limits, ownName } from "~/features/limits/names";
import { decimal } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";

/** The texts in the fields; an empty one is no limit. Those of models are by model, then by name. */
export interface Draft {
  figures: Readonly<Partial<Record<FigureName, string>>>;
  allowed: readonly string[] | null;
  models: Readonly<Record<string, Readonly<Partial<Record<CountName, string>>>>>;
  /** Percentages; empty are the usual ones, "none" is none. */
  alerts: string;
}

export function draftOf(limits: Limits): Draft {
  return {
    figures: textsOf(limits, FIGURE_NAMES),
    allowed: limits.allowed_models,
    models: Object.fromEntries(Object.entries(limits.models).map(([model, own]) => [model, textsOf(own, COUNT_NAMES)])),
    alerts: alertsText(limits.alerts),
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

/** The text of one limit, by its name in `readingsOf`. */
export function textAt(draft: Draft, name: string): string {
  const own = ownName(name);
  return (own.model === undefined ? draft.figures[own.figure] : draft.models[own.model]?.[own.figure]) ?? "";
}

/** The draft with the text of one limit, by its name in `readingsOf`. */
export function withText(draft: Draft, name: string, text: string): Draft {
  const own = ownName(name);
  if (own.model === undefined) return { ...draft, figures: { ...draft.figures, [own.figure]: text } };
  return { ...draft, models: { ...draft.models, [own.model]: { ...draft.models[own.model], [own.figure]: text } } };
}

function alertsText(alerts: readonly number[] | null): string {
  return alerts === null ? "" : alerts.length === 0 ? "none" : alerts.join(", ");
}

const MOST_ALERTS = 10;

/** The percentages in a text such as "50, 80, 100". */
export function readAlerts(text: string): { value: number[] | null } | { fault: string } {
  const bare = text.trim();
  if (bare === "") return { value: null };
  if (bare === "none") return { value: [] };
  const parts = bare.split(/[\s,%]+/).filter((part) => part !== "");
  const figures = [...new Set(parts.map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 0)))].sort((a, b) => a - b);
  if (figures.length === 0 || figures.length > MOST_ALERTS || figures.some((figure) => figure < 1 || figure > 100)) {
    return { fault: "Percentages from 1 to 100, like 80, 100; none is no alert, empty the usual ones." };
  }
  return { value: figures };
}

const MAX = 10n ** 15n;
const MAX_WEIGHT = 100n;
const GROUPED = /^[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/;

export type Read = { value: number | string | null } | { fault: string };

/** A field's text as the API expects it: a whole number, an amount as exact decimal text, or null for an empty field. */
export function readFigure(name: string, text: string): Read {
  const cost = isCost(name);
  const bare = text.trim().replace(cost ? /^\$\s*/ : "", "");
  if (bare === "") return { value: null };
  // A comma groups thousands; "0,5" may mean something else, and is refused.
  const plain = GROUPED.test(bare) ? bare.replaceAll(",", "") : bare;
  if (cost) {
    if (!/^\d{1,16}(\.\d{1,40})?$/.test(plain)) return { fault: "An amount in dollars, like 12.50; empty is no limit." };
    const [whole = "0", fraction = ""] = plain.split(".");
    const digits = fraction.replace(/0+$/, "");
    if (digits.length > 12) return { fault: "At most 12 digits behind the point." };
    if (BigInt(whole) > MAX || (BigInt(whole) === MAX && digits !== "")) return { fault: `At most $${count(Number(MAX))}.` };
    return { value: `${BigInt(whole)}${digits === "" ? "" : `.${digits}`}` };
  }
  if (name === "queue_weight") {
    const weight = /^\d{1,3}$/.test(plain) ? BigInt(plain) : 0n;
    return weight < 1n || weight > MAX_WEIGHT ? { fault: "A whole number from 1 to 100; empty is 1." } : { value: Number(plain) };
  }
  if (!/^\d{1,40}$/.test(plain)) return { fault: "A whole number, like 1000; empty is no limit." };
  return BigInt(plain) > MAX ? { fault: `At most ${count(Number(MAX))}.` } : { value: Number(plain) };
}

/** Messages by the API's name of the field: "requests_per_day", "models.llama3.2:1b.requests_per_day". */
export type Faults = Readonly<Record<string, string>>;

/** The result of an edit: the body to send, with only what differs, and what is wrong with the other fields. */
export function changeOf(limits: Limits, draft: Draft): { change: LimitsChange; faults: Faults } {
  const faults: Record<string, string> = {};
  const change: LimitsChange = figuresChanged(draftOf(limits).figures, draft.figures, FIGURE_NAMES, "", faults);
  if (!sameNames(limits.allowed_models, draft.allowed)) change.allowed_models = draft.allowed === null ? null : [...draft.allowed];
  const alerts = readAlerts(draft.alerts);
  if ("fault" in alerts) faults["alerts"] = alerts.fault;
  else if (alertsText(alerts.value) !== alertsText(limits.alerts)) change.alerts = alerts.value;
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
    // All fields are empty: the model has no limits of its own any more.
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
