/** The limits there are, and their names for people. */
import type { Schemas } from "~/api/client";

export type Limits = Schemas["LimitsBody"];
/** A limit over a span of time; a model may have its own. */
export type CountName = keyof Limits["models"][string];
/** A limit that is one figure. */
export type FigureName = Exclude<keyof Limits, "alerts" | "allowed_models" | "models">;

interface Group {
  title: string;
  fields: readonly [name: CountName, span: string][];
}

export const COUNTED: readonly Group[] = [
  {
    title: "Requests",
    fields: [
      ["requests_per_second", "per second"],
      ["requests_per_minute", "per minute"],
      ["requests_per_hour", "per hour"],
      ["requests_per_day", "per day"],
      ["requests_per_month", "per month"],
      ["requests_total", "in all"],
    ],
  },
  {
    title: "Tokens",
    fields: [
      ["tokens_per_minute", "per minute"],
      ["tokens_per_hour", "per hour"],
      ["tokens_per_day", "per day"],
      ["tokens_per_month", "per month"],
      ["tokens_total", "in all"],
    ],
  },
  {
    title: "Cost",
    fields: [
      ["cost_usd_per_day", "per day"],
      ["cost_usd_per_month", "per month"],
      ["cost_usd_total", "in all"],
    ],
  },
];

export const COUNT_NAMES: readonly CountName[] = COUNTED.flatMap((group) => group.fields.map(([name]) => name));
export const FIGURE_NAMES: readonly FigureName[] = [...COUNT_NAMES, "max_concurrent_requests", "max_tokens_per_request", "queue_weight"];

/** No limits at all. */
export const NO_LIMITS: Limits = {
  ...(Object.fromEntries(FIGURE_NAMES.map((name) => [name, null])) as Record<FigureName, null>),
  alerts: null,
  allowed_models: null,
  models: {},
};

/** The limits that are set most, for the editor in the table of users. */
export const QUICK_NAMES: readonly FigureName[] = ["cost_usd_per_month", "tokens_per_day", "requests_per_minute", "max_concurrent_requests"];

export function isCost(name: string): boolean {
  return name.startsWith("cost_usd");
}

/** The name of a limit in its field: "Tokens per day". */
export function fieldLabel(name: FigureName): string {
  if (name === "queue_weight") return "Weight in the line";
  return name === "max_tokens_per_request" ? "Tokens in one request" : limitName(name).label;
}

/** The label of a limit and the unit it counts in, by its name in the API: "tokens_per_day", "models.llama3.2:1b.tokens_per_day". */
export function limitName(name: string): { label: string; unit: "usd" | "tokens" | "requests" } {
  const { model, figure: field } = ownName(name);
  const unit = isCost(field) ? "usd" : field.startsWith("tokens") ? "tokens" : "requests";
  const what = { usd: "Cost", tokens: "Tokens", requests: "Requests" }[unit];
  const span = /(?:per_(\w+)|(total)|max_(concurrent))/.exec(field);
  const words =
    span?.[3] !== undefined ? "Requests at once" : span?.[2] !== undefined ? `${what} in all` : `${what} per ${span?.[1] ?? "request"}`;
  return { label: model === undefined ? words : `${words}, ${model}`, unit };
}

/** The model and the limit in a name such as "models.llama3.2:1b.tokens_per_day"; a limit of no model is itself. */
export function ownName(name: string): { model: string; figure: CountName } | { model: undefined; figure: FigureName } {
  // A model's name may itself have dots.
  const own = /^models\.(.+)\.([a-z_]+)$/.exec(name);
  return own?.[1] === undefined ? { model: undefined, figure: name as FigureName } : { model: own[1], figure: own[2] as CountName };
}

/** The label of the field of a limit, by its name in the API, with its model. */
export function limitLabel(name: string): string {
  const { model, figure } = ownName(name);
  return model === undefined ? fieldLabel(figure) : `${fieldLabel(figure)}, ${model}`;
}
