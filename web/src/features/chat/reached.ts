/** The limit that refused a question, as the gateway's error tells it. */
import type { Schemas } from "~/api/client";

export type ReachedLimit = Schemas["ReachedLimitBody"];

const OWNERS: readonly unknown[] = ["user", "key", "team", "end_user"] satisfies ReachedLimit["owner"][];
const REASONS: readonly unknown[] = ["never", "blocked", "exhausted", "held"] satisfies ReachedLimit["reason"][];
const MOST_CHARACTERS = 300;
/** Beyond any limit there may be. */
const MOST = 1e15;

/** The `limit` of an error; null where it has none. Errors also come from files, so nothing in them is taken for granted. */
export function reachedLimitOf(error: unknown): ReachedLimit | null {
  if (!isObject(error) || !isObject(error["limit"])) return null;
  const { name, owner, model, reason, limit, needed, remaining } = error["limit"];
  const known = isName(name) && (model === null || isName(model)) && OWNERS.includes(owner) && REASONS.includes(reason);
  if (!known || ![limit, needed, remaining].every(isFigure)) return null;
  return { name, owner, model, reason, limit, needed, remaining } as ReachedLimit;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MOST_CHARACTERS;
}

function isFigure(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= MOST;
}
