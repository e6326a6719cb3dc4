/** Invoices, months and credit, as the API gives them. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { isZero } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { monthWords } from "~/ui/format/times";

export type Invoice = Schemas["InvoiceBody"];
export type InvoiceLine = Schemas["LineBody"];
export type Month = Schemas["MonthCloseBody"];
export type MonthSums = Schemas["MonthSums"];
export type PayerMonth = Schemas["PayerMonthBody"];
export type InvoiceStatus = Invoice["status"];

export const INVOICES = ["invoices"] as const;
export const MONTHS = ["months"] as const;
const ROWS = 50;
/** Of an account's page, which has more to show. */
const NEWEST = 13;

/** Whose invoices: one's own, or (for admins) a user's, a team's, or everyone's. */
export type Source = { kind: "own" } | { kind: "user" | "team"; id: string } | { kind: "all"; status: string; month: string; user: string; team: string };

/** A page of invoices, drafts first, beginning after the cursor; "" is the first page. */
export function useInvoices(source: Source, after = "") {
  return useQuery({
    queryKey: [...INVOICES, source, after],
    placeholderData: keepPreviousData,
    queryFn: () => {
      const page = { limit: source.kind === "own" || source.kind === "all" ? ROWS : NEWEST, ...(after !== "" && { after }) };
      switch (source.kind) {
        case "own":
          return body(api.GET("/me/invoices", { params: { query: page } }));
        case "user":
          return body(api.GET("/admin/users/{user_id}/invoices", { params: { path: { user_id: source.id }, query: page } }));
        case "team":
          return body(api.GET("/admin/teams/{team_id}/invoices", { params: { path: { team_id: source.id }, query: page } }));
        case "all": {
          const { status, month, user, team } = source;
          const payer = { ...(user !== "" && { user }), ...(team !== "" && { team }) };
          const query = { ...page, ...(isStatus(status) && { status }), ...(month !== "" && { month }), ...payer };
          return body(api.GET("/admin/invoices", { params: { query } }));
        }
      }
    },
  });
}

/** One invoice, by its id or number. */
export function useInvoice(id: string, own: boolean) {
  return useQuery({
    queryKey: [...INVOICES, "one", own, id],
    queryFn: async () => {
      const params = { path: { invoice_id: id } };
      const found = await body(own ? api.GET("/me/invoices/{invoice_id}", { params }) : api.GET("/admin/invoices/{invoice_id}", { params }));
      return found as Invoice; // other formats come only where they are asked for
    },
  });
}

/** The draft of a payer's month; null where nothing is open. */
export function useDraft(month: string, kind: "user" | "team", payer: string) {
  return useQuery({
    queryKey: [...INVOICES, "draft", month, kind, payer],
    queryFn: async () => {
      const query = { month, [kind]: payer, status: "draft", limit: 1 } as const;
      return (await body(api.GET("/admin/invoices", { params: { query } }))).data[0] ?? null;
    },
  });
}

/** The last months, newest first. */
export function useMonths(after = "") {
  return useQuery({
    queryKey: [...MONTHS, "list", after],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/admin/months", { params: { query: after === "" ? {} : { after } } })),
  });
}

const CHECK_MS = 15_000;

/** A month and what stands between it and its close. */
export function useMonth(month: string) {
  return useQuery({
    queryKey: [...MONTHS, "one", month],
    refetchInterval: CHECK_MS,
    queryFn: () => body(api.GET("/admin/months/{month}", { params: { path: { month } } })),
  });
}

/** The differences between invoices and the ledger, once they were asked for: undefined until then. */
export function useDifferences(month: string) {
  return useQuery({
    queryKey: [...MONTHS, "differences", month],
    enabled: false,
    queryFn: async () => {
      const params = { path: { month }, query: { verify: true } };
      return (await body(api.GET("/admin/months/{month}", { params }))).differences ?? [];
    },
  });
}

/** Who used what in a month, and their invoices. */
export function usePayers(month: string, status: string, after: string) {
  return useQuery({
    queryKey: [...MONTHS, "payers", month, status, after],
    placeholderData: keepPreviousData,
    queryFn: () => {
      const query = { limit: ROWS, ...(isPayerStatus(status) && { status }), ...(after !== "" && { after }) };
      return body(api.GET("/admin/months/{month}/payers", { params: { path: { month }, query } }));
    },
  });
}

/** Issue the invoices of a month. */
export function useFinalizeMonth() {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (month: string) => body(api.POST("/admin/invoices/finalize", { body: { month } })),
    onSuccess: refresh,
  });
}

export interface Change {
  action: "finalize" | "pay" | "void" | "credit-note";
  /** The reference of a payment, or the reason. */
  text?: string;
}

/** Change the state of an invoice. Returns it, or the credit note. */
export function useChangeInvoice(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: ({ action, text = "" }: Change) => {
      const params = { path: { invoice_id: id } };
      switch (action) {
        case "finalize":
          return body(api.POST("/admin/invoices/{invoice_id}/finalize", { params }));
        case "pay":
          return body(api.POST("/admin/invoices/{invoice_id}/pay", { params, body: text === "" ? {} : { reference: text } }));
        case "void":
          return body(api.POST("/admin/invoices/{invoice_id}/void", { params, body: { reason: text } }));
        case "credit-note":
          return body(api.POST("/admin/invoices/{invoice_id}/credit-note", { params, body: { reason: text } }));
      }
    },
    onSuccess: refresh,
  });
}

/** After a change of one invoice: its month, its payer's list and credit may look otherwise, too. */
export function useRefresh() {
  const queries = useQueryClient();
  return () => Promise.all([INVOICES, MONTHS, CREDITS].map((key) => queries.invalidateQueries({ queryKey: key })));
}

export const CREDITS = ["credits"] as const;

/** A user's or a team's credit, newest entry first, with its balance. */
export function useCredit(kind: "user" | "team", id: string) {
  return useQuery({
    queryKey: [...CREDITS, kind, id],
    queryFn: () => body(api.GET("/admin/credits", { params: { query: { [kind]: id, limit: NEWEST } } })),
  });
}

/** One's own credit. */
export function useOwnCredit() {
  return useQuery({
    queryKey: [...CREDITS, "own"],
    queryFn: () => body(api.GET("/me/credits", { params: { query: { limit: NEWEST } } })),
  });
}

const STATUSES: readonly string[] = ["draft", "finalized", "paid", "void"] satisfies InvoiceStatus[];

function isStatus(text: string): text is InvoiceStatus {
  return STATUSES.includes(text);
}

function isPayerStatus(text: string): text is InvoiceStatus | "unpaid" {
  return isStatus(text) || text === "unpaid";
}

/** "Invoice TK-2026-000123", "Credit note TK-2026-000124", "Draft for October 2026" */
export function titleOf({ number, corrects, month }: Pick<Invoice, "number" | "corrects" | "month">): string {
  if (number === null) return `Draft for ${monthWords(month)}`;
  return `${corrects === null ? "Invoice" : "Credit note"} ${number}`;
}

interface Ids {
  user_id?: string | null;
  team_id?: string | null;
}

/** "alice", "team blue" */
export function payerWords({ user_id: user, team_id: team }: Ids): string {
  return isText(team) ? `team ${team}` : (user ?? "");
}

/** Where a payer's draft of a month is, for admins. */
export function draftPath(month: string, { user_id: user, team_id: team }: Ids): string {
  const [kind, id] = isText(team) ? ["team", team] : ["user", user ?? ""];
  return `/admin/billing/drafts/${month}/${kind}/${encodeURIComponent(id)}`;
}

function isText(text: string | null | undefined): text is string {
  return text !== null && text !== undefined && text !== "";
}

/** The address of an invoice as a file or a page to print. */
export function fileHref(id: string, own: boolean, form: "csv" | "html"): string {
  return `${own ? "/me" : "/admin"}/invoices/${encodeURIComponent(id)}.${form}`;
}

/** The address of the requests that an invoice charges for, one row each, as a CSV file. */
export function requestsHref(id: string, own: boolean): string {
  return `${own ? "/me" : "/admin"}/invoices/${encodeURIComponent(id)}/requests.csv`;
}

const CLASSES: ReadonlyMap<string, string> = new Map([
  ["input", "Input"],
  ["cached_input", "Input from cache"],
  ["cache_write", "Input kept in cache"],
  ["cache_write_1h", "Input kept for an hour"],
  ["output", "Output"],
  ["requests", "Requests"],
  ["images", "Images made"],
  ["characters", "Characters spoken"],
  ["audio", "Audio read"],
  ["reported", "As the upstream reports"],
  ["other", "Other"],
]);

export function classWords(name: string): string {
  return CLASSES.get(name) ?? name;
}

const UNITS: Readonly<Record<string, [string, string]>> = {
  requests: ["requests", "each"],
  images: ["images", "each"],
  characters: ["characters", "per million"],
  audio: ["ms", "per minute"],
};

/** How much a line is of, and its unit, which tokens do not need. */
export function amountOf({ class: kind, tokens, units = 0 }: Pick<InvoiceLine, "class" | "tokens" | "units">): [number, string] {
  return units > 0 ? [units, UNITS[kind]?.[0] ?? ""] : [tokens, ""];
}

/** What a line's price is, and for what; tokens have it per million. */
export function priceOf(line: Pick<InvoiceLine, "class" | "units" | "unit_price_usd" | "unit_price_usd_per_mtok">): [string | null, string] {
  if ((line.units ?? 0) > 0) return [line.unit_price_usd ?? null, UNITS[line.class]?.[1] ?? ""];
  return [line.unit_price_usd_per_mtok, ""];
}

/** Whether nothing is ever to be paid by an invoice, in whatever state it is. */
export function isSettled({ total_usd: total }: Pick<Invoice, "total_usd">): boolean {
  return isZero(total) || total.startsWith("-");
}

/** Whether a month (of UTC) is over; before that nothing in it is finalized. */
export function hasEnded(month: string, now = new Date()): boolean {
  return month < now.toISOString().slice(0, 7);
}

/** What a month waits for. */
export function stateWords({ ended, open, finalized, unpaid, paid }: Pick<MonthSums, "ended" | "open" | "finalized" | "unpaid" | "paid">): string {
  if (!ended) return "running";
  if (open > 0) return finalized + paid > 0 ? `${count(open)} still open` : "to be closed";
  return unpaid > 0 ? "closed, not all paid" : "closed and paid";
}
