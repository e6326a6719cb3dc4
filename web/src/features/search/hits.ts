/** What the jump box finds, and where each of it leads. */
import type { Schemas } from "~/api/client";
import type { Key } from "~/features/keys/keys";
import type { Option, OptionGroup } from "~/ui/Finder";

type Hit = Schemas["Hit"];
type Kind = Hit["kind"];

export interface Place extends Option {
  /** A path below /ui. */
  to: string;
}

export type PlaceGroup = OptionGroup<Place>;

const path = encodeURIComponent;

interface Words {
  label: string;
  of: (hit: Hit) => Omit<Place, "id">;
}

/** In the order in which they are shown. */
const KINDS: Readonly<Record<Kind, Words>> = {
  user: { label: "Users", of: (hit) => ({ label: hit.id, note: words(hit.name, unusual(hit.status)), to: `/admin/users/${path(hit.id)}` }) },
  team: { label: "Teams", of: (hit) => ({ label: hit.id, note: words(hit.name, unusual(hit.status)), to: `/admin/teams/${path(hit.id)}` }) },
  key: {
    label: "Keys",
    of: (hit) => ({
      label: hit.prefix ?? hit.id,
      note: words(hit.name, `of ${hit.user_id ?? ""}`, unusual(hit.status)),
      to: `/admin/users/${path(hit.user_id ?? "")}?key=${path(hit.id)}`,
    }),
  },
  model: { label: "Models", of: (hit) => ({ label: hit.id, to: `/admin/models/${path(hit.id)}` }) },
  upstream: { label: "Upstreams", of: (hit) => ({ label: hit.id, note: words(unusual(hit.status)), to: `/admin/upstreams/${path(hit.id)}` }) },
  request: { label: "Requests", of: (hit) => ({ label: hit.id, note: words(hit.user_id, hit.status), to: `/admin/calls/${path(hit.id)}` }) },
  invoice: {
    label: "Invoices",
    of: (hit) => ({ label: hit.name ?? hit.id, note: words(hit.user_id, hit.status), to: `/admin/billing/invoices/${path(hit.id)}` }),
  },
};

/** What the gateway found, by kind. */
export function groupsOfHits(hits: readonly Hit[]): PlaceGroup[] {
  return Object.entries(KINDS).map(([kind, { label, of }]) => ({
    label,
    options: hits.filter((hit) => hit.kind === kind).map((hit) => ({ id: `${kind}-${hit.id}`, ...of(hit) })),
  }));
}

export interface Own {
  models: readonly string[];
  keys: readonly Key[];
  requests: readonly Schemas["RecordBody"][];
}

const MOST = 5;

/** What is a user's own, by kind. `part` is what they typed. */
export function groupsOfOwn(part: string, { models, keys, requests }: Own): PlaceGroup[] {
  return [
    {
      label: "Keys",
      options: keys
        .filter(({ prefix, name }) => has(prefix, part) || has(name ?? "", part))
        .slice(0, MOST)
        .map(({ id, prefix, name, status }) => ({
          id: `key-${id}`,
          label: prefix,
          note: words(name, unusual(status)),
          to: `/keys?key=${path(id)}`,
        })),
    },
    {
      label: "Calls of a model",
      options: models
        .filter((name) => has(name, part))
        .slice(0, MOST)
        .map((name) => ({ id: `model-${name}`, label: name, to: `/calls?model=${path(name)}` })),
    },
    {
      label: "Requests",
      options: requests.map(({ request_id: id, model, status }) => ({
        id: `request-${id}`,
        label: id,
        note: words(model, status),
        to: `/calls/${path(id)}`,
      })),
    },
  ];
}

/** The pages whose name has what was typed: all of them before anything is. */
export function pagesNamed(part: string, pages: readonly { to: string; label: string }[]): PlaceGroup {
  return { label: "Pages", options: pages.filter(({ label }) => has(label, part)).map(({ to, label }) => ({ id: `page-${to}`, label, to })) };
}

function has(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}

function words(...parts: readonly (string | null | undefined)[]): string {
  return parts.filter((part) => part !== null && part !== undefined && part !== "").join(" · ");
}

/** Most are active, which goes without saying. */
function unusual(status: string | null | undefined): string {
  return status === "active" ? "" : (status ?? "");
}

const [FIRST, LAST, LEAST] = [6, 4, 26];

/** What is looked for, as it is sent: a key is a secret, of which no more leaves the page than lists show. */
export function withoutSecret(text: string): string {
  const typed = text.trim();
  if (!typed.startsWith("sk-") || typed.includes("…") || typed.includes("...")) return typed;
  return typed.length < LEAST ? typed.slice(0, FIRST) : `${typed.slice(0, FIRST)}…${typed.slice(-LAST)}`;
}

const REQUEST = /^([a-z]+[_-])?[0-9a-f]{8,28}$/i;

/** Whether this may be the beginning of the id of a request, or of an answer. */
export function isRequestId(text: string): boolean {
  return REQUEST.test(text);
}
