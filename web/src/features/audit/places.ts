/** Where in the pages there is more of whoever acted, and of what they did it to. */
import type { Entry } from "~/features/audit/audit";

/** The page of an actor; null for one who is no user. */
export function actorPath(actor: string): string | null {
  return actor.startsWith("@") ? null : userPath(actor);
}

/** The folder of pages of what an action is done to, by the first word of the action. */
const FOLDERS: ReadonlyMap<string, string> = new Map([
  ["user", "users"],
  ["adjustment", "users"],
  ["team", "teams"],
  ["upstream", "upstreams"],
  ["model", "models"],
  ["webhook", "webhooks"],
  ["invoice", "billing/invoices"],
]);

/** The page of what was changed: of a key that of its user; null where there is none, or no longer one. */
export function targetPath({ action, target, detail }: Pick<Entry, "action" | "target" | "detail">): string | null {
  if (target === "*" || target.startsWith("@") || action.endsWith(".delete")) return null;
  const [noun = ""] = action.split(".");
  if (noun === "key") return typeof detail["user_id"] === "string" ? userPath(detail["user_id"]) : null;
  // Of credit, the details say whose it is.
  const folder = FOLDERS.get(noun === "credit" ? String(detail["payer"]) : noun);
  return folder === undefined ? null : `/admin/${folder}/${encodeURIComponent(target)}`;
}

function userPath(userId: string): string {
  return `/admin/users/${encodeURIComponent(userId)}`;
}
