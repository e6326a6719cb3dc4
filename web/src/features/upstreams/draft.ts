/** An upstream while it is edited: text in fields, and the body that follows from it. */
import { ApiError, messageOf, type Schemas } from "~/api/client";
import { isKind, type KindName, KINDS } from "~/features/upstreams/kinds";
import type { Upstream } from "~/features/upstreams/upstreams";

export type UpstreamChange = Schemas["UpstreamChangeForm"];
export type Spoken = Upstream["speaks"][number];

export interface Header {
  name: string;
  value: string;
  /** It has a value already, which is never shown and stays while none is typed. */
  kept: boolean;
}

/** The fields that are one number, as the API names them. */
export const NUMBERS = {
  slots: "count",
  model_slots: "count",
  weight: "weight",
  priority: "count",
  spill_after: "seconds",
  probe_every: "seconds",
  "timeouts.connect": "seconds",
  "timeouts.first_byte": "seconds",
  "timeouts.event": "seconds",
  "budget.cost_usd_per_day": "usd",
  "budget.cost_usd_per_month": "usd",
} as const;
export type NumberName = keyof typeof NUMBERS;

export interface UpstreamDraft {
  id: string;
  kind: KindName;
  baseUrl: string;
  /** "": as it is. */
  secret: string;
  withoutSecret: boolean;
  numbers: Readonly<Record<NumberName, string>>;
  /** Empty: those that it lists. */
  models: readonly string[];
  paid: "kind" | "yes" | "no";
  open: boolean;
  cloud: boolean;
  headers: readonly Header[];
  caFile: string;
  speaks: readonly Spoken[];
}

const NO_NUMBERS = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, ""])) as Record<NumberName, string>;

export const NEW_UPSTREAM: UpstreamDraft = {
  id: "",
  kind: "ollama",
  baseUrl: "",
  secret: "",
  withoutSecret: false,
  numbers: NO_NUMBERS,
  models: [],
  paid: "kind",
  open: false,
  cloud: false,
  headers: [],
  caFile: "",
  speaks: [],
};

export function draftOf(upstream: Upstream): UpstreamDraft {
  const { timeouts, budget, kind } = upstream;
  const text = (value: number | string | null) => (value === null ? "" : String(value));
  return {
    id: upstream.id,
    kind: isKind(kind) ? kind : NEW_UPSTREAM.kind,
    baseUrl: upstream.base_url,
    secret: "",
    withoutSecret: false,
    numbers: {
      slots: text(upstream.slots),
      model_slots: text(upstream.model_slots),
      weight: text(upstream.weight),
      priority: text(upstream.priority),
      spill_after: text(upstream.spill_after),
      probe_every: text(upstream.probe_every),
      "timeouts.connect": text(timeouts.connect),
      "timeouts.first_byte": text(timeouts.first_byte),
      "timeouts.event": text(timeouts.event),
      "budget.cost_usd_per_day": text(budget.cost_usd_per_day),
      "budget.cost_usd_per_month": text(budget.cost_usd_per_month),
    },
    models: upstream.models ?? [],
    paid: upstream.paid === null ? "kind" : upstream.paid ? "yes" : "no",
    open: upstream.open,
    cloud: upstream.cloud,
    headers: Object.keys(upstream.headers).map((name) => ({ name, value: "", kept: true })),
    caFile: upstream.tls.ca_file ?? "",
    speaks: upstream.speaks,
  };
}

/** Messages by the API's names of fields; those without a field are under `ANYWHERE`. */
export type Faults = Readonly<Record<string, string>>;
export const ANYWHERE = "";

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const READERS: Readonly<Record<(typeof NUMBERS)[NumberName], { is: RegExp; fault: string }>> = {
  count: { is: /^\d{1,5}$/, fault: "A whole number, like 8." },
  weight: { is: /^(?:[1-9]\d{0,2}|1000)$/, fault: "A whole number from 1 to 1000." },
  seconds: { is: /^\d{1,5}(?:\.\d{1,3})?$/, fault: "Seconds, like 2.5." },
  usd: { is: /^\d{1,12}(?:\.\d{1,12})?$/, fault: "An amount in dollars, like 12.50." },
};

/** What is to be saved of a draft, all of it, and what is wrong with the rest. */
export function bodyOf(draft: UpstreamDraft): { body: UpstreamChange & { kind: KindName }; faults: Faults } {
  const faults: Record<string, string> = {};
  const read = (name: NumberName): number | string | null => {
    const text = draft.numbers[name].trim();
    if (text === "") return null;
    const { is, fault } = READERS[NUMBERS[name]];
    if (!is.test(text)) faults[name] = fault;
    // Amounts stay text, which is exact.
    return NUMBERS[name] === "usd" ? text : Number(text);
  };
  const number = (name: NumberName) => read(name) as number | null;
  if (draft.baseUrl.trim() === "" && KINDS[draft.kind].baseUrl === null) faults["base_url"] = "This kind has no usual address: give one, like http://localhost:8080/v1.";
  if (draft.headers.some(({ name, value, kept }) => name.trim() === "" || (value === "" && !kept))) faults["headers"] = "Each needs a name and a value.";
  return {
    faults,
    body: {
      kind: draft.kind,
      base_url: draft.baseUrl.trim() || null,
      ...(draft.withoutSecret ? { secret: null } : draft.secret !== "" && { secret: draft.secret }),
      slots: number("slots"),
      model_slots: number("model_slots"),
      weight: number("weight"),
      priority: number("priority"),
      spill_after: number("spill_after"),
      probe_every: number("probe_every"),
      timeouts: { connect: number("timeouts.connect"), first_byte: number("timeouts.first_byte"), event: number("timeouts.event") },
      budget: { cost_usd_per_day: read("budget.cost_usd_per_day"), cost_usd_per_month: read("budget.cost_usd_per_month") },
      models: draft.models.length === 0 ? null : [...draft.models],
      paid: draft.paid === "kind" ? null : draft.paid === "yes",
      open: draft.open,
      cloud: draft.cloud,
      headers: Object.fromEntries(draft.headers.map(({ name, value }) => [name.trim().toLowerCase(), value === "" ? null : value])),
      tls: { ca_file: draft.caFile.trim() || null },
      speaks: [...draft.speaks],
    },
  };
}

/** The new upstream to add. */
export function additionOf(draft: UpstreamDraft): { body: Schemas["UpstreamForm"]; faults: Faults } {
  const { body, faults } = bodyOf(draft);
  const id = draft.id.trim();
  const fault = ID.test(id) ? {} : { id: id === "" ? "It needs a name." : "Letters, digits and . _ - only; at most 64, and first a letter or digit." };
  // What nothing was said of is the kind's.
  const said = Object.entries(body).filter(([, value]) => value !== null);
  return { body: { ...(Object.fromEntries(said) as typeof body), id }, faults: { ...faults, ...fault } };
}

/** What differs between an upstream and its draft. */
export function changesOf(upstream: Upstream, draft: UpstreamDraft): { body: UpstreamChange; faults: Faults } {
  const { body, faults } = bodyOf(draft);
  const before = bodyOf(draftOf(upstream)).body as Record<string, unknown>;
  const changed = Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]));
  return { body: Object.fromEntries(changed), faults };
}

/** Whether answers may be charged for: users without a limit on cost are then served only where it is open to them. */
export function isPaid({ kind, paid }: UpstreamDraft): boolean {
  return paid === "kind" ? KINDS[kind].paid : paid === "yes";
}

/** Whether the secret and the values of headers stay behind, because the address leads to another server. */
export function leavesSecrets(upstream: Upstream, draft: UpstreamDraft): boolean {
  const has = upstream.has_secret || Object.keys(upstream.headers).length > 0;
  const address = draft.baseUrl.trim() || KINDS[draft.kind].baseUrl;
  return has && originOf(address) !== originOf(upstream.base_url);
}

function originOf(address: string | null): string | null {
  return address !== null && URL.canParse(address) ? new URL(address).origin : null;
}

const FIELDS: readonly string[] = ["id", "kind", "base_url", "secret", "models", "tls.ca_file", ...Object.keys(NUMBERS)];

/** The gateway's message, at the field that it names. */
export function faultsOf(error: unknown): Faults {
  const param = error instanceof ApiError ? (error.param ?? ANYWHERE) : ANYWHERE;
  const field = param.startsWith("headers") ? "headers" : FIELDS.includes(param) ? param : ANYWHERE;
  return { [field]: messageOf(error) };
}
