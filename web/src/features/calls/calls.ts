/** Calls, as the URL filters them and the API gives them. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";

import { api, body, type Schemas } from "~/api/client";
import { NEWEST, type OrderBy, orderInWords, orderOf } from "~/features/calls/ordering";
import { useIsAdmin } from "~/features/session/session";
import { count } from "~/ui/format/numbers";
import { type Period, usePeriod } from "~/ui/period";

export type CallRecord = Schemas["RecordBody"];
type Status = CallRecord["status"];

export const STATUSES: Readonly<Record<Status, string>> = {
  completed: "Completed",
  cancelled: "Cancelled",
  failed: "Failed",
  lost: "Lost",
};

/** Whether a record is a correction by an admin, which is recorded like a call. */
export function isCorrection({ endpoint }: Pick<CallRecord, "endpoint">): boolean {
  return endpoint === "adjustment";
}

/** How many calls are shown, and how many match. Corrections are rows but not calls, and are counted separately. */
export function shownInWords(rows: readonly Pick<CallRecord, "endpoint">[], calls: number, order: OrderBy = NEWEST): string {
  const corrections = rows.filter(isCorrection).length;
  const words = [`${count(rows.length - corrections)} of ${count(calls)} ${calls === 1 ? "call" : "calls"}`];
  if (corrections > 0) words.push(`${count(corrections)} ${corrections === 1 ? "correction" : "corrections"}`);
  return `${words.join(" and ")}, ${orderInWords(order)}`;
}

/** The filters besides the period, by their names in the URL, and their names in the API. Values are those of the API. */
const NAMES = {
  user: "user_id",
  team: "team",
  model: "model",
  status: "status",
  key: "key_id",
  end_user: "end_user",
  upstream: "upstream",
  endpoint: "endpoint",
  tag: "tag",
  request_id: "request_id",
} as const;
export const FILTERS = Object.keys(NAMES) as (keyof typeof NAMES)[];
/** Where an empty value means calls that have none; elsewhere it is no filter. */
const MAY_BE_NONE: readonly string[] = ["team", "end_user"];

type FilterName = (typeof NAMES)[keyof typeof NAMES];

/** The filters, by their names in the API. */
export type CallFilter = { from: string; to: string; status?: Status } & Partial<Record<Exclude<FilterName, "status">, string>>;

/** The filters that the URL sets, or those of one user's calls. Only admins can choose a team. An empty team or person selects the calls of
 * none. */
export function filterOf(params: URLSearchParams, { from, to }: Period, userId?: string, admin = false): CallFilter {
  const filter: CallFilter = { from, to };
  for (const name of FILTERS) {
    const value = name === "user" ? (userId ?? params.get(name)) : params.get(name);
    if (value === null || (value === "" && !MAY_BE_NONE.includes(name)) || (name === "team" && !admin)) continue;
    if (name !== "status") filter[NAMES[name]] = value;
    else if (isStatus(value)) filter.status = value;
  }
  return filter;
}

function isStatus(text: string | null): text is Status {
  return text !== null && Object.hasOwn(STATUSES, text);
}

const ROWS = 50;
const FRESH_MS = 10_000;

/** The page of calls that the URL names, with the sums of all that match. The first page of the newest is kept up to date. */
export function useCalls(userId?: string) {
  const admin = useIsAdmin();
  const [params] = useSearchParams();
  const filter = filterOf(params, usePeriod(), admin ? userId : undefined, admin);
  const order = orderOf(params);
  const [after, before] = [params.get("after"), params.get("before")];
  const found = useQuery({
    queryKey: ["calls", admin, filter, order, after, before],
    placeholderData: keepPreviousData,
    refetchInterval: order === NEWEST && after === null && before === null ? FRESH_MS : false,
    queryFn: () => {
      const place = after !== null ? { after } : before !== null ? { before } : {};
      const query = { ...filter, order_by: order, limit: ROWS, ...place };
      return body(admin ? api.GET("/admin/usage", { params: { query } }) : api.GET("/v1/usage", { params: { query } }));
    },
  });
  return { found, filter, order, admin };
}

export function useCall(requestId: string) {
  const admin = useIsAdmin();
  return useQuery({
    queryKey: ["call", admin, requestId],
    // A record never changes.
    staleTime: Infinity,
    queryFn: () => {
      const params = { path: { request_id: requestId } };
      return body(admin ? api.GET("/admin/usage/{request_id}", { params }) : api.GET("/v1/usage/{request_id}", { params }));
    },
  });
}

/** The address of all calls that match, as a CSV file. */
export function csvHref(admin: boolean, filter: CallFilter): string {
  return `${admin ? "/admin/usage.csv" : "/v1/usage.csv"}?${new URLSearchParams({ ...filter }).toString()}`;
}
