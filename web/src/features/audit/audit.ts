/** The audit log, as the API gives it. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";

export type Entry = Schemas["AuditBody"];

const ROWS = 50;

/** A page of entries, newest first, beginning after the cursor; "" is the first page. */
export function useAudit(after: string) {
  const query = { limit: ROWS, ...(after !== "" && { after }) };
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
