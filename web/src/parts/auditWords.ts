import { exactUsd } from "~/parts/format";
import { phrase } from "~/parts/limitWords";

/** What was done, in words, by the name of the action. */
const ACTIONS: ReadonlyMap<string, string> = new Map([
  ["user.create", "Made a user"],
  ["user.update", "Changed a user"],
  ["user.close", "Closed an account"],
  ["user.limits", "Changed a user’s limits"],
  ["user.sign_in", "Signed in"],
  ["user.sign_out_everywhere", "Signed out everywhere"],
  ["limits.defaults", "Changed the limits of new users"],
  ["key.create", "Made a key"],
  ["key.rotate", "Rotated a key"],
  ["key.update", "Changed a key"],
  ["key.revoke", "Revoked a key"],
  ["prices.put", "Added prices"],
  ["prices.seed", "Took prices from the list that came along"],
  ["aliases.replace", "Set the other names of models"],
  ["adjustment.create", "Corrected what was used"],
]);

export function actionWords(action: string): string {
  return ACTIONS.get(action) ?? action;
}

const ACTORS: ReadonlyMap<string, string> = new Map([
  ["@bootstrap", "the bootstrap admin key"],
  ["@seeds", "the gateway, at its start"],
  ["@demo", "the demo"],
]);

/** Who it was: names that begin with "@" are no user's. */
export function actorWords(actor: string): string {
  return ACTORS.get(actor) ?? actor;
}

type Detail = Readonly<Record<string, unknown>>;

/** The detail of an entry in one line. */
export function detailLine(detail: Detail): string {
  return Object.entries(detail).flatMap(([name, value]) => inShort(name, value)).join(" · ");
}

function inShort(name: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (name === "limits" && isDetail(value)) return limitsInShort(value);
  if (name === "prices" && Array.isArray(value)) return value.filter(isDetail).map(priceInShort);
  return typeof value === "object" ? [] : [`${fieldWords(name)}: ${scalar(value)}`];
}

function limitsInShort(limits: Detail): string[] {
  return Object.entries(limits).flatMap(([name, value]) => {
    if (isDetail(value)) return Object.entries(value).flatMap(([model, own]) => (isDetail(own) ? limitsInShort(own).map((words) => `${words} of ${model}`) : []));
    if (Array.isArray(value)) return [`only ${value.join(", ")}`];
    return value === null ? [] : [phrase(name, Number(value))];
  });
}

/** "llama3.2:1b: $0.05 in, $0.10 out" */
export function priceInShort({ model, input_usd_per_mtok: input, output_usd_per_mtok: output }: Detail): string {
  return `${scalar(model)}: ${exactUsd(scalar(input))} in, ${exactUsd(scalar(output))} out`;
}

export function isDetail(value: unknown): value is Detail {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What JSON holds besides objects and lists, as text. */
export function scalar(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A field's name as words: "cost_usd_per_month" is "Cost ($) per month". */
export function fieldWords(name: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) return name;
  const words = name.replace("usd_per_mtok", "($ per million)").replace("usd", "($)").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
