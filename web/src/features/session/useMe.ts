import { useQuery } from "@tanstack/react-query";

import { api, body } from "~/api/client";

export const ME = ["me"] as const;
const FRESH_MS = 15_000;

/** The signed-in user, with this month's figures and what is used of their limits. */
export function useMe() {
  return useQuery({ queryKey: ME, queryFn: () => body(api.GET("/me")), refetchInterval: FRESH_MS });
}
