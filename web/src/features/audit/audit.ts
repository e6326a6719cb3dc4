/** The audit log, as the API gives it. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { useSearchParams } from "react-router";

import { api, body, type Schemas } from "~/api/client";
import { usePeriod } from "~/ui/period";

export type Entry = Schemas["AuditBody"];

const ROWS = 50;

/** The filters of the log, as the URL names them. */
export const FILTERS = ["actor", "action", "object"] as const;
/** The filter by which sign-ins are shown beside the changes. */
export const SIGN_INS = "sign_ins";

/** A page of entries, newest first, as the URL says: changes, and sign-ins where it asks for them or for one action. */
export function useAudit() {
  const { from, to } = usePeriod();
  const [params] = useSearchParams();
  const given = [...FILTERS, "after"].flatMap((name): [string, string][] => {
    const value = params.get(name) ?? "";
    return value === "" ? [] : [[name, value]];
  });
  const all = params.has(SIGN_INS) || params.has("action");
  const query = { limit: ROWS, from, to, ...Object.fromEntries(given), ...(all ? {} : { class: "change" as const }) };
  return useQuery({
    queryKey: ["admin", "audit", query],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/admin/audit", { params: { query } })),
  });
}

/** One entry by its id; null where there is none. */
export function useEntry(id: number, enabled: boolean) {
  return useQuery({
    queryKey: ["admin", "audit", "one", id],
    enabled,
    staleTime: Infinity,
    queryFn: async () => {
      const query = { limit: 1, after: String(id + 1) };
      const found = await body(api.GET("/admin/audit", { params: { query } }));
      return found.data.find((entry) => entry.id === id) ?? null;
    },
  });
}
