/** By what usage is grouped and filtered: the names in the address, those of the API, and the words for them. */
import type { Schemas } from "~/api/client";
import { STATUSES } from "~/features/calls/calls";
import { nameOf } from "~/features/keys/keys";
import { utcDay } from "~/ui/format/times";

/** What a filter can be of, too. */
export type Dimension = "user" | "team" | "key" | "model" | "upstream" | "endpoint" | "status" | "end_user";
/** With the name as the API writes it: `:`, `,` and `%` in it are percent-encoded. */
export type TagGroup = `tag:${string}`;
type TimeGroup = "day" | "hour";
export type Group = Dimension | TimeGroup | TagGroup;
/** What the places of the chart are. The API has no groups by month. */
export type Unit = TimeGroup | "month";

interface Words {
  label: string;
  /** Where there is no value. */
  none: string;
}

const DIMENSIONS: Readonly<Record<Dimension | TimeGroup, Words & { field: string; filter: string; everyone?: boolean; noneFilters?: boolean }>> = {
  user: { label: "User", none: "nobody", field: "user_id", filter: "user_id", everyone: true },
  team: { label: "Team", none: "no team", field: "team_id", filter: "team", everyone: true, noneFilters: true },
  key: { label: "Key", none: "no key", field: "key_id", filter: "key_id" },
  model: { label: "Model", none: "corrections", field: "model", filter: "model" },
  upstream: { label: "Upstream", none: "none", field: "upstream", filter: "upstream" },
  endpoint: { label: "Endpoint", none: "none", field: "endpoint", filter: "endpoint" },
  status: { label: "Status", none: "none", field: "status", filter: "status" },
  end_user: { label: "Person", none: "nobody", field: "end_user_id", filter: "end_user", noneFilters: true },
  day: { label: "Day", none: "", field: "day", filter: "" },
  hour: { label: "Hour", none: "", field: "hour", filter: "" },
};

const NAMES = Object.keys(DIMENSIONS) as (keyof typeof DIMENSIONS)[];

/** The groups to choose from, beside tags: for admins, or of one's own usage. */
export function groupsOf(admin: boolean): readonly (Dimension | TimeGroup)[] {
  return NAMES.filter((name) => admin || DIMENSIONS[name].everyone !== true);
}

/** What can be filtered by, beside tags. */
export function dimensionsOf(admin: boolean): readonly Dimension[] {
  return groupsOf(admin).filter((name): name is Dimension => !isTime(name));
}

export function isTime(group: string): group is TimeGroup {
  return group === "day" || group === "hour";
}

export function isUnit(group: string): group is Unit {
  return isTime(group) || group === "month";
}

export function isTag(group: string): group is TagGroup {
  return group.startsWith("tag:") && group.length > 4;
}

export function isGroup(text: string, admin: boolean): text is Group {
  return isTag(text) || groupsOf(admin).includes(text as Dimension);
}

/** The group by a tag. */
export function tagGroup(name: string): TagGroup {
  return `tag:${name.replaceAll(/[%:,]/g, encodeURIComponent)}`;
}

/** The name of a group's tag as the API writes it, before the value that it is filtered by. */
export function encodedTag(group: TagGroup): string {
  return group.slice(4);
}

function tagName(group: TagGroup): string {
  try {
    return decodeURIComponent(encodedTag(group));
  } catch {
    return encodedTag(group);
  }
}

export function groupLabel(group: Group): string {
  if (isTag(group)) return `Tag ${tagName(group)}`;
  return isTime(group) ? `${DIMENSIONS[group].label} (UTC)` : DIMENSIONS[group].label;
}

const HOUR_MS = 3_600_000;

/** The first moment after an hour, a day or a month of UTC that begins at a moment. */
export function endOfUnit(unit: Unit, at: number): number {
  const day = new Date(at);
  if (unit === "month") return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1);
  return at + (unit === "day" ? 24 * HOUR_MS : HOUR_MS);
}

/** The head over the places of the chart. */
export function unitLabel(unit: Unit): string {
  return unit === "month" ? "Month (UTC)" : groupLabel(unit);
}

/** The name of a dimension's filter in the API. */
export function filterName(dimension: Dimension): string {
  return DIMENSIONS[dimension].filter;
}

/** The value of a group in a row of the API; "" where there is none. */
export function valueOf(row: object, group: Group): string {
  const value: unknown = (row as Record<string, unknown>)[isTag(group) ? "tag" : DIMENSIONS[group].field];
  return typeof value === "string" ? value : "";
}

/** Whether requests without a value can be filtered by that. */
export function canFilter(group: Group, value: string): boolean {
  return value !== "" || isTag(group) || DIMENSIONS[group].noneFilters === true;
}

/** What people call the key of a group: by its name, if it has one, and its prefix; null where the API does not say. */
function keyWords({ key_name: name, key_prefix: prefix }: Partial<Schemas["SummaryRow"]>): string | null {
  return prefix == null ? null : nameOf({ name: name ?? null, prefix });
}

/** The value of a row's group in words; a person's are what their app calls them. */
export function rowWords(row: Partial<Schemas["SummaryRow"]>, group: Group): string {
  const words = group === "key" ? keyWords(row) : group === "end_user" ? row.end_user_value : null;
  return words ?? valueWords(group, valueOf(row, group));
}

/** A value in words; a key and a person, whose words are in their row, go by their ids. */
export function valueWords(group: Group, value: string): string {
  if (value === "") return isTag(group) ? "without it" : DIMENSIONS[group].none;
  if (group === "day") return utcDay(value);
  if (group === "hour") return `${utcDay(value.slice(0, 10))}, ${value.slice(11, 16)}`;
  if (group === "status") return new Map<string, string>(Object.entries(STATUSES)).get(value) ?? value;
  return value;
}
