/** Changes to many users at once: previewed, made and undone by the gateway, and described in words. */
import { api, body, type Schemas } from "~/api/client";
import { describeChange } from "~/features/limits/change";
import { limitName } from "~/features/limits/names";
import { count } from "~/ui/format/numbers";

export type Bulk = Schemas["BulkBody"];
export type BulkChange = Schemas["BulkChange"];
/** Whom a change is about: users by their ids, or all who match a filter. */
export type Which = { user_ids: string[] } | { filter: Schemas["BulkFilter"] };

export function previewChange(which: Which, change: BulkChange): Promise<Bulk> {
  return body(api.POST("/admin/users/bulk", { body: { ...which, change, dry_run: true } }));
}

/** Change the users that a preview showed, as long as they are as it showed them. */
export function changeUsers(preview: Bulk, change: BulkChange): Promise<Bulk> {
  const shown = preview.changes.map(({ users }) => ({ head: {}, users }));
  const parts = partsOf(shown, weightOf({ change })).map((groups) => Object.fromEntries(groups.flatMap(({ users }) => Object.entries(users))));
  return inParts(parts, (users) => body(api.POST("/admin/users/bulk", { body: { users, change, dry_run: false } })), (users) => Object.keys(users));
}

/** Give users back what they had; `skipped` are those who stay as they are. */
export function undoChange(changes: Bulk["changes"]): Promise<Bulk> {
  const groups = changes.map(({ before, users }) => ({ head: { before }, users }));
  const parts = partsOf(groups).map((part) => part.map(({ head, users }) => ({ ...head, users })));
  return inParts(
    parts,
    (part) => body(api.POST("/admin/users/bulk/undo", { body: { changes: part } })),
    (part) => part.flatMap(({ users }) => Object.keys(users)),
  );
}

/** Send the parts of a change one after the other. Where one fails after others were taken, whoever it and the rest are about is not saved. */
async function inParts<Part>(parts: Part[], send: (part: Part) => Promise<Bulk>, usersOf: (part: Part) => string[]): Promise<Bulk> {
  const whole: Bulk = { dry_run: false, changed: 0, unchanged: 0, changes: [], running: {}, over: {}, skipped: {} };
  for (const [at, part] of parts.entries()) {
    try {
      const done = await send(part);
      whole.changed += done.changed;
      whole.unchanged += done.unchanged;
      whole.changes.push(...done.changes);
      Object.assign(whole.running, done.running);
      Object.assign(whole.over, done.over);
      Object.assign(whole.skipped, done.skipped);
    } catch (failure) {
      if (whole.changed === 0) throw failure;
      for (const userId of parts.slice(at).flatMap(usersOf)) whole.skipped[userId] = "not_saved";
      break;
    }
  }
  return whole;
}

type States = Bulk["changes"][number]["users"];

/** Users, after what the request says of them all. */
interface Group<Head> {
  head: Head;
  users: States;
}

interface Weight {
  values: number;
  bytes: number;
}

/** What one request holds, with room to spare below what the gateway reads: 15,000 fields and entries, 900,000 bytes, 10,000 users. */
const MOST: Weight = { values: 9_000, bytes: 700_000 };

/** Groups in parts that fit into a request each, beside `fixed`. */
function partsOf<Head extends object>(groups: Group<Head>[], fixed: Weight = { values: 0, bytes: 0 }): Group<Head>[][] {
  const parts: Group<Head>[][] = [];
  let left: Weight = { values: 0, bytes: 0 };
  const takes = ({ values, bytes }: Weight) => values <= left.values && bytes <= left.bytes;
  for (const { head, users } of groups) {
    const ofHead = weightOf({ head });
    let last: Group<Head> | null = null;
    for (const [userId, state] of Object.entries(users)) {
      const one = weightOf({ [userId]: state });
      let wanted = last === null ? sum(ofHead, one) : one;
      if (parts.length === 0 || !takes(wanted)) {
        parts.push([]);
        left = { values: MOST.values - fixed.values, bytes: MOST.bytes - fixed.bytes };
        last = null;
        wanted = sum(ofHead, one);
      }
      if (last === null) {
        last = { head, users: {} };
        parts.at(-1)?.push(last);
      }
      last.users[userId] = state;
      left = { values: left.values - wanted.values, bytes: left.bytes - wanted.bytes };
    }
  }
  return parts;
}

function weightOf(value: object): Weight {
  return { values: fieldsOf(value), bytes: new TextEncoder().encode(JSON.stringify(value)).length };
}

/** The fields and entries of all objects and lists in a value. */
function fieldsOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inside: unknown[] = Object.values(value);
  return inside.reduce((all: number, each) => all + fieldsOf(each), inside.length);
}

function sum(one: Weight, other: Weight): Weight {
  return { values: one.values + other.values, bytes: one.bytes + other.bytes };
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
  too_many_limits: "too much for one change: make it again for them",
  not_saved: "could not be saved: try again",
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
  return [...sentences, ...skippedWords(skipped)];
}

/** How a change ended, or its undoing. */
export function endOf({ skipped }: Bulk): "good" | "bad" {
  return Object.values(skipped).includes("not_saved") ? "bad" : "good";
}

/** What undoing did, in sentences. */
export function undoneWords({ changed, skipped }: Bulk): string[] {
  return [`${users(changed)} ${changed === 1 ? "is" : "are"} as before.`, ...skippedWords(skipped)];
}

function skippedWords(skipped: Bulk["skipped"]): string[] {
  const kept = Object.entries(skipped).map(([userId, why]) => `${userId} (${SKIPPED[why]})`);
  return kept.length === 0 ? [] : [`Left as they are: ${named(kept)}.`];
}

export function users(number: number): string {
  return number === 1 ? "1 user" : `${count(number)} users`;
}

function named(names: readonly string[]): string {
  const rest = names.length - NAMED;
  return rest > 0 ? `${names.slice(0, NAMED).join(", ")} and ${count(rest)} more` : names.join(", ");
}
