/** Calls as the pages ask for them: which ones the URL means, a page of them, and one by itself. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";

import { api, body, type Schemas } from "~/api/client";
import { useSession } from "~/app/session";
import { count } from "~/parts/format";
import { type Period, usePeriod } from "~/parts/period";

export type CallRecord = Schemas["RecordBody"];
type Status = CallRecord["status"];

export const STATUSES: Readonly<Record<Status, string>> = {
  completed: "Completed",
  cancelled: "Cancelled",
  failed: "Failed",
  lost: "Lost",
};

/** An admin's correction, booked as if it were a call. */
export function isCorrection({ endpoint }: Pick<CallRecord, "endpoint">): boolean {
  return endpoint === "adjustment";
}

/** How many rows are shown, of how many calls that match. Corrections are rows, but no calls: they are told beside them. */
export function shownInWords(rows: readonly Pick<CallRecord, "endpoint">[], calls: number): string {
  const corrections = rows.filter(isCorrection).length;
  const words = [`${count(rows.length - corrections)} of ${count(calls)} ${calls === 1 ? "call" : "calls"}`];
  if (corrections > 0) words.push(`${count(corrections)} ${corrections === 1 ? "correction" : "corrections"}`);
  return `${words.join(" and ")}, newest first`;
}

/** What narrows the calls down, besides the period; each is in the URL by this name. */
export const FILTERS = ["user", "model", "status", "key"] as const;

export interface Asked {
  from: string;
  to: string;
  user_id?: string;
  model?: string;
  status?: Status;
  key_id?: string;
}

export function askedOf(params: URLSearchParams, { from, to }: Period, userId?: string): Asked {
  const user = userId ?? params.get("user");
  const model = params.get("model");
  const status = params.get("status");
  const key = params.get("key");
  return {
    from,
    to,
    ...(user && { user_id: user }),
    ...(model && { model }),
    ...(isStatus(status) && { status }),
    ...(key && { key_id: key }),
  };
}

function isStatus(text: string | null): text is Status {
  return text !== null && Object.hasOwn(STATUSES, text);
}

export function useIsAdmin(): boolean {
  const { session } = useSession();
  return session?.user.role === "admin";
}

const ROWS = 50;
const FRESH_MS = 10_000;

/** The page of calls that the URL means, with the sums of all that match; new ones join the first page by themselves. */
export function useCalls(userId?: string) {
  const admin = useIsAdmin();
  const [params] = useSearchParams();
  const asked = askedOf(params, usePeriod(), admin ? userId : undefined);
  const after = params.get("after");
  const found = useQuery({
    queryKey: ["calls", admin, asked, after],
    placeholderData: keepPreviousData,
    refetchInterval: after === null ? FRESH_MS : false,
    queryFn: () => {
      const query = { ...asked, limit: ROWS, ...(after !== null && { after }) };
      return body(admin ? api.GET("/admin/usage", { params: { query } }) : api.GET("/v1/usage", { params: { query } }));
    },
  });
  return { found, asked, admin };
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

/** All that match, as a file. */
export function csvHref(admin: boolean, asked: Asked): string {
  return `${admin ? "/admin/usage.csv" : "/v1/usage.csv"}?${new URLSearchParams({ ...asked }).toString()}`;
}
