/** The audit log in words. */
import { describeAlerts, describeLimit } from "~/features/limits/words";
import { exactUsd } from "~/ui/format/money";

/** Actions in words, by their name. */
const ACTIONS: ReadonlyMap<string, string> = new Map([
  ["user.create", "Made a user"],
  ["user.update", "Changed a user"],
  ["user.close", "Closed an account"],
  ["user.erase", "Forgot a person"],
  ["user.limits", "Changed a user’s limits"],
  ["user.sign_in", "Signed in"],
  ["user.sign_in_failed", "Failed to sign in"],
  ["user.sign_out", "Signed out"],
  ["user.sign_out_everywhere", "Signed out everywhere"],
  ["user.link", "Linked somebody at a provider to a user"],
  ["user.unlink", "Removed a way in by a provider"],
  ["user.second_factor_on", "Turned a second factor on"],
  ["user.second_factor_off", "Turned a second factor off"],
  ["user.second_factor_reset", "Reset a user’s second factor"],
  ["user.recovery_code", "Used a recovery code"],
  ["user.recovery_codes", "Made new recovery codes"],
  ["team.create", "Made a team"],
  ["team.update", "Changed a team"],
  ["team.close", "Closed a team"],
  ["team.limits", "Changed a team’s limits"],
  ["limits.defaults", "Changed the limits of new users"],
  ["limit_template.create", "Made a limit template"],
  ["limit_template.update", "Changed a limit template"],
  ["limit_template.delete", "Deleted a limit template"],
  ["key.create", "Made a key"],
  ["key.rotate", "Rotated a key"],
  ["key.update", "Changed a key"],
  ["key.revoke", "Revoked a key"],
  ["end_user.limits", "Changed an end user’s limits"],
  ["end_user.block", "Blocked an end user"],
  ["end_user.unblock", "Let an end user in again"],
  ["end_user.erase", "Erased who an end user is"],
  ["prices.put", "Added prices"],
  ["prices.seed", "Took prices from the list that came along"],
  ["aliases.replace", "Changed the aliases"],
  ["model.pull", "Began to pull a model"],
  ["model.load", "Loaded a model"],
  ["model.unload", "Unloaded a model"],
  ["model.pin", "Pinned a model"],
  ["model.unpin", "Unpinned a model"],
  ["model.copy", "Copied a model"],
  ["model.delete", "Deleted a model"],
  ["model.evict", "Evicted models that nobody used"],
  ["job.cancel", "Cancelled a pull"],
  ["upstream.create", "Added an upstream"],
  ["upstream.update", "Changed an upstream"],
  ["upstream.delete", "Removed an upstream"],
  ["secrets.rotate", "Rotated the gateway’s own secrets"],
  ["invoice.finalize", "Finalized an invoice"],
  ["invoice.pay", "Marked an invoice as paid"],
  ["invoice.void", "Voided an invoice"],
  ["invoice.credit_note", "Took an invoice back by a credit note"],
  ["credit.add", "Added credit"],
  ["webhook.create", "Added a webhook"],
  ["webhook.update", "Changed a webhook"],
  ["webhook.rotate", "Rotated a webhook’s secret"],
  ["webhook.delete", "Removed a webhook"],
  ["adjustment.create", "Corrected the usage"],
]);

/** Every action there is, for a filter, in the order of its words. */
export const ACTION_CHOICES = [...ACTIONS].map(([value, label]) => ({ value, label })).sort((a, b) => a.label.localeCompare(b.label));

export function actionWords(action: string): string {
  return ACTIONS.get(action) ?? action;
}

const ACTORS: ReadonlyMap<string, string> = new Map([
  ["@bootstrap", "the bootstrap admin key"],
  ["@unknown", "somebody unknown"],
  ["@seeds", "the gateway, at its start"],
  ["@demo", "the demo"],
  ["@eviction", "the gateway, by its setting evict_after"],
]);

/** Who acted. Names that begin with "@" are not users. */
export function actorWords(actor: string): string {
  if (actor.startsWith("@oidc/")) return `the provider ${actor.slice(6)}`;
  return ACTORS.get(actor) ?? actor;
}

/** What something was done to. */
export function targetWords(target: string): string {
  if (target === "*") return "several";
  return target === "@unknown" ? "nobody’s name" : target;
}

type Detail = Readonly<Record<string, unknown>>;

/** The details of an entry in one line. */
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
    if (name === "alerts" && Array.isArray(value)) return [describeAlerts(value.map(Number))];
    if (Array.isArray(value)) return [`only ${value.join(", ")}`];
    return value === null ? [] : [describeLimit(name, Number(value))];
  });
}

/** "llama3.2:1b: $0.05 in, $0.10 out" */
function priceInShort({ model, input_usd_per_mtok: input, output_usd_per_mtok: output }: Detail): string {
  return `${scalar(model)}: ${exactUsd(scalar(input))} in, ${exactUsd(scalar(output))} out`;
}

function isDetail(value: unknown): value is Detail {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON value that is neither object nor array, as text. */
export function scalar(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A field's name as words: "cost_usd_per_month" is "Cost ($) per month". */
export function fieldWords(name: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) return name;
  const words = name.replace("usd_per_mtok", "($ per million)").replace("usd", "($)").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
