/** Changes to many users at once: previewed, made and undone by the gateway, and described in words. */
import { api, body, type Schemas } from "~/api/client";
import { describeChange } from "~/features/limits/change";
import { limitName } from "~/features/limits/names";
import { count } from "~/ui/format/numbers";

export type Bulk = Schemas["BulkBody"];
export type BulkChange = Schemas["BulkChange"];
/** Whom a change is about: users by their ids, or all who match a filter. */
export type Which = { user_ids: string[] } | { filter: Schemas["BulkFilter"] };

export function changeUsers(which: Which, change: BulkChange, dryRun: boolean): Promise<Bulk> {
  return body(api.POST("/admin/users/bulk", { body: { ...which, change, dry_run: dryRun } }));
}

/** Users who are given back what they had in one request. */
const UNDONE_AT_ONCE = 2000;

/** Give users back what they had; returns how many, and how many others changed since, who stay as they are. */
export async function undoChange(changes: Bulk["changes"]): Promise<{ changed: number; kept: number }> {
  let [changed, kept] = [0, 0];
  for (const part of partsOf(changes)) {
    const done = await body(api.POST("/admin/users/bulk/undo", { body: { changes: part } }));
    changed += done.changed;
    kept += Object.keys(done.skipped).length;
  }
  return { changed, kept };
}

type Undo = Schemas["UndoForm"]["changes"];

function partsOf(changes: Bulk["changes"]): Undo[] {
  const parts: Undo[] = [];
  let room = 0;
  for (const { before, users } of changes) {
    const left = Object.entries(users);
    while (left.length > 0) {
      if (room === 0) {
        parts.push([]);
        room = UNDONE_AT_ONCE;
      }
      const taken = left.splice(0, room);
      room -= taken.length;
      parts.at(-1)?.push({ before, users: Object.fromEntries(taken) });
    }
  }
  return parts;
}

/** What becomes of users, after "12 users": "are suspended". */
function changeWords({ status, limits, limit_template: template }: BulkChange, one: boolean): string {
  if (status === "suspended") return one ? "is suspended" : "are suspended";
  if (status === "active") return one ? "is active again" : "are active again";
  if (template !== undefined && template !== null) return `${one ? "gets" : "get"} the limits of the template ${template}, in place of those they have`;
  return `${one ? "gets" : "get"} ${describeChange(limits ?? {})}`;
}

const SKIPPED: Record<Bulk["skipped"][string], string> = {
  not_found: "no such user",
  account_closed: "closed",
  own_account: "your own account: you would lock yourself out",
  changed_meanwhile: "changed by somebody else meanwhile",
  invalid_limits: "too many models have limits of their own",
};
const NAMED = 5;

/** What a change does, or did, in sentences. */
export function bulkWords({ changed, unchanged, running, over, skipped }: Bulk, change: BulkChange): string[] {
  const sentences = [`${users(changed)} ${changeWords(change, changed === 1)}.`];
  if (unchanged > 0) sentences.push(`${users(unchanged)} ${unchanged === 1 ? "is" : "are"} so already.`);
  const busy = Object.keys(running);
  if (busy.length > 0) {
    const requests = Object.values(running).reduce((all, one) => all + one, 0);
    const stop = change.status === "suspended" ? ", which stop" : "";
    sentences.push(`${count(requests)} ${requests === 1 ? "request is" : "requests are"} running for ${named(busy)}${stop}.`);
  }
  const full = Object.entries(over).map(([userId, names]) => `${userId} (${names.map((name) => limitName(name).label.toLowerCase()).join(", ")})`);
  if (full.length > 0) sentences.push(`Over a new limit at once: ${named(full)}.`);
  const kept = Object.entries(skipped).map(([userId, why]) => `${userId} (${SKIPPED[why]})`);
  if (kept.length > 0) sentences.push(`Left as they are: ${named(kept)}.`);
  return sentences;
}

export function users(number: number): string {
  return number === 1 ? "1 user" : `${count(number)} users`;
}

function named(names: readonly string[]): string {
  const rest = names.length - NAMED;
  return rest > 0 ? `${names.slice(0, NAMED).join(", ")} and ${count(rest)} more` : names.join(", ");
}
