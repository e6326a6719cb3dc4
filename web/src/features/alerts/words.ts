/** Alerts and events in words. */
import type { Schemas } from "~/api/client";
import type { Alert, EventType } from "~/features/alerts/alerts";
import { actorWords } from "~/features/audit/words";
import { payerWords } from "~/features/invoices/invoices";
import { isCost, limitName } from "~/features/limits/names";
import { cents, exactUsd } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { monthWords } from "~/ui/format/times";

/** Every event by its type, in words. */
export const EVENT_WORDS: Readonly<Record<EventType, string>> = {
  "budget.threshold": "Budget threshold",
  "budget.exhausted": "Budget used up",
  "user.suspended": "User suspended",
  "key.created": "Key made",
  "key.revoked": "Key revoked",
  "invoice.finalized": "Invoice finalized",
  "invoice.paid": "Invoice paid",
  "invoice.void": "Invoice voided",
  "upstream.down": "Upstream down",
  "upstream.up": "Upstream up",
  "ledger.failing": "Ledger cannot be written",
  "ledger.recovered": "Ledger writes again",
};

export const EVENT_TYPES = Object.keys(EVENT_WORDS) as EventType[];

/** "80 % of cost per month"; of an upstream that is down what that means. */
export function alertWords({ limit, model, percent }: Alert): string {
  if (limit === null || percent === null) return "takes no requests";
  return `${percent} % of ${budgetWords(limit, model)}`;
}

/** "cost per month, llama3.2:1b" */
function budgetWords(limit: string, model: string | null): string {
  const { label } = limitName(limit);
  return `${label.charAt(0).toLowerCase()}${label.slice(1)}${model === null ? "" : `, ${model}`}`;
}

/** Whom or what an alert is about. */
export function subjectOf({ kind, id, user_id: userId }: Alert): string {
  if (kind === "everyone") return "everyone together";
  if (kind === "user") return id;
  return userId === null ? `${kind} ${id}` : `${ownerKind(kind)} ${id} of ${userId}`;
}

/** Which of one's own budgets an alert is about, to begin a sentence with: "Your team: "; one's own: "". */
export function ownSubject({ kind, id }: Alert): string {
  if (kind === "user") return "";
  return kind === "team" ? "Your team: " : `${kind === "key" ? "Key" : "End user"} ${id}: `;
}

function ownerKind(kind: string): string {
  return kind.replace("_", " ");
}

/** Where an admin sees more of what an alert is about; null: nowhere. */
export function pathOf({ kind, id, user_id: userId }: Alert): string | null {
  if (kind === "upstream" || kind === "team") return `/admin/${kind}s/${encodeURIComponent(id)}`;
  return userId === null ? null : `/admin/users/${encodeURIComponent(userId)}`;
}

type Data = Readonly<Record<string, unknown>>;

/** What an event says, in one line. */
export function eventLine(type: EventType, data: Data): string {
  const text = (name: string) => (typeof data[name] === "string" ? data[name] : "");
  switch (type) {
    case "budget.threshold":
    case "budget.exhausted":
      return budgetLine(data, text);
    case "user.suspended":
      return `${text("user_id")}, by ${actorWords(text("by"))}`;
    case "key.created":
    case "key.revoked":
      return `${text("prefix")} of ${text("user_id")}, by ${actorWords(text("by"))}`;
    case "upstream.down":
      return `${text("upstream")}: ${text("reason")}`;
    case "upstream.up":
      return text("upstream");
    case "ledger.failing":
    case "ledger.recovered":
      return text("reason");
    case "invoice.finalized":
    case "invoice.paid":
    case "invoice.void":
      return invoiceLine(data);
    default:
      return text("id");
  }
}

/** "TK-2026-000123: $12.30, October 2026, team blue" */
function invoiceLine(data: Data): string {
  // An event's data is the whole invoice.
  const { number, month, payer, total_usd: total } = data as unknown as Schemas["InvoiceBody"];
  return `${number ?? ""}: ${exactUsd(total)}, ${monthWords(month)}, ${payerWords(payer)}`;
}

function budgetLine(data: Data, text: (name: string) => string): string {
  const owner = text("owner");
  const whose = owner === "everyone" ? "everyone together" : owner === "user" ? text("user_id") : `${ownerKind(owner)} ${text(`${owner}_id`)}`;
  const limit = text("limit");
  const model = typeof data["model"] === "string" ? data["model"] : null;
  const percent = typeof data["percent"] === "number" ? `${data["percent"]} %` : "";
  return `${whose}: ${percent} of ${budgetWords(limit, model)} reached, ${figure(limit, data["used"])} of ${figure(limit, data["value"])}`;
}

function figure(limit: string, value: unknown): string {
  return isCost(limit) ? cents(String(value)) : count(Number(value));
}
