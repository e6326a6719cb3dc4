/** Calls, as the URL filters them and the API gives them. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";

import { api, body, type Schemas } from "~/api/client";
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
export function shownInWords(rows: readonly Pick<CallRecord, "endpoint">[], calls: number): string {
  const corrections = rows.filter(isCorrection).length;
  const words = [`${count(rows.length - corrections)} of ${count(calls)} ${calls === 1 ? "call" : "calls"}`];
  if (corrections > 0) words.push(`${count(corrections)} ${corrections === 1 ? "correction" : "corrections"}`);
  return `${words.join(" and ")}, newest first`;
}

/** The filters besides the period, by their names in the URL. */
export const FILTERS = ["user", "team", "model", "status", "key", "end_user", "upstream", "endpoint", "tag"] as const;

/** The filters, by their names in the API. */
export interface CallFilter {
  from: string;
  to: string;
  user_id?: string;
  team?: string;
  model?: string;
  status?: Status;
  key_id?: string;
  end_user?: string;
  upstream?: string;
  endpoint?: string;
  /** A tag's name and its value, `NAME:VALUE`. */
  tag?: string;
}

/** The filters that the URL sets, or those of one user's calls. Only admins can choose a team. An empty team or person selects the calls of
 * none. */
export function filterOf(params: URLSearchParams, { from, to }: Period, userId?: string, admin = false): CallFilter {
  const user = userId ?? params.get("user");
  const team = admin ? params.get("team") : null;
  const model = params.get("model");
  const status = params.get("status");
  const key = params.get("key");
  const endUser = params.get("end_user");
  const upstream = params.get("upstream");
  const endpoint = params.get("endpoint");
  const tag = params.get("tag");
  return {
    from,
    to,
    ...(user && { user_id: user }),
    ...(team !== null && { team }),
    ...(model && { model }),
    ...(isStatus(status) && { status }),
    ...(key && { key_id: key }),
    ...(endUser !== null && { end_user: endUser }),
    ...(upstream && { upstream }),
    ...(endpoint && { endpoint }),
    ...(tag && { tag }),
  };
}

function isStatus(text: string | null): text is Status {
  return text !== null && Object.hasOwn(STATUSES, text);
}

const ROWS = 50;
const FRESH_MS = 10_000;

/** The page of calls that the URL names, with the sums of all that match. The first page is kept up to date. */
export function useCalls(userId?: string) {
  const admin = useIsAdmin();
  const [params] = useSearchParams();
  const filter = filterOf(params, usePeriod(), admin ? userId : undefined, admin);
  const after = params.get("after");
  const found = useQuery({
    queryKey: ["calls", admin, filter, after],
    placeholderData: keepPreviousData,
    refetchInterval: after === null ? FRESH_MS : false,
    queryFn: () => {
      const query = { ...filter, limit: ROWS, ...(after !== null && { after }) };
      return body(admin ? api.GET("/admin/usage", { params: { query } }) : api.GET("/v1/usage", { params: { query } }));
    },
  });
  return { found, filter, admin };
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
