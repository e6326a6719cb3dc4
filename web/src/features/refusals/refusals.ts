/** Requests that were refused in a period, by reason, and the reasons in words. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { useIsAdmin } from "~/features/session/session";
import { limitName } from "~/features/limits/names";
import type { Period } from "~/ui/period";

type Refusals = Schemas["Refusals"];

export type Refusal = Schemas["RefusalRow"];

/** The first part of the keys of queries of refusals. */
export const REFUSALS = "refusals";
const EVERY_MS = 30_000;

/** For admins: everyone's, or those of one user. For users: their own. */
export function useRefusals({ from, to }: Period, userId?: string) {
  const admin = useIsAdmin();
  const query = { from, to, group_by: "reason" };
  return useQuery<Refusals>({
    queryKey: [REFUSALS, admin, userId, query],
    placeholderData: keepPreviousData,
    // Of a single user, the live feed says when there are more.
    refetchInterval: admin && userId === undefined ? EVERY_MS : false,
    queryFn: () =>
      admin
        ? body(api.GET("/admin/refusals", { params: { query: { ...query, ...(userId !== undefined && { user_id: userId }) } } }))
        : body(api.GET("/v1/refusals", { params: { query } })),
  });
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ["invalid_api_key", "Key revoked or expired"],
  ["account_suspended", "Account suspended"],
  ["end_user_blocked", "Person blocked"],
  ["model_not_allowed", "Model not allowed"],
  ["model_not_priced", "Model without a price"],
  ["model_not_found", "No such model"],
  ["model_changed", "Model changed, and is pinned"],
  ["invalid_request", "Request not valid"],
  ["invalid_image", "Image not valid"],
  ["request_too_large", "Request too large"],
  ["request_timeout", "Request not sent in time"],
  ["unsupported_by_upstream", "Not supported by any upstream"],
  ["server_overloaded", "No room"],
  ["server_stopping", "Gateway stopping"],
  ["upstream_unavailable", "No upstream available"],
  ["upstream_timeout", "No upstream answered in time"],
  ["ledger_unavailable", "Ledger failing"],
  ["internal_error", "Gateway failed"],
]);

/** "Limit: requests per minute", "Model not allowed"; the code itself, where these pages do not know it. */
export function refusalWords({ code, limit }: Refusal): string {
  if (limit === "max_tokens_per_request") return "Limit: tokens in one request";
  if (limit !== null && limit !== undefined && limit !== "allowed_models") return `Limit: ${limitName(limit).label.toLowerCase()}`;
  return WORDS.get(code ?? "") ?? code ?? "";
}
