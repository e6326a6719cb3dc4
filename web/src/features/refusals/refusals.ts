/** Requests that were refused in a period, by reason, and the reasons in words. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { useIsAdmin } from "~/features/session/session";
import { limitName } from "~/features/limits/names";
import type { Period } from "~/ui/period";

export type Refusal = Schemas["RefusalRow"];

/** The first part of the keys of queries of refusals. */
export const REFUSALS = "refusals";
/** How long refusals are gathered before they are read: the gateway writes them every five seconds. */
export const REFUSALS_MS = 6_000;

/** What was refused. */
interface Which {
  keyId?: string;
  model?: string;
}

/** The reasons of a period, the most frequent first. For admins: everyone's, or of one user. For users: their own. */
export function useRefusals({ from, to }: Pick<Period, "from" | "to">, userId?: string, { keyId, model }: Which = {}) {
  const admin = useIsAdmin();
  // The API does not filter by model: all rows are asked for, and those of others left out.
  const group = model === undefined ? { group_by: "reason" } : { group_by: "reason,model", limit: MOST };
  const query = { from, to, ...group, ...(keyId !== undefined && { key_id: keyId }) };
  return useQuery({
    queryKey: [REFUSALS, admin, userId, model, query],
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const { data } = await body<Schemas["Refusals"]>(
        admin
          ? api.GET("/admin/refusals", { params: { query: { ...query, ...(userId !== undefined && { user_id: userId }) } } })
          : api.GET("/v1/refusals", { params: { query } }),
      );
      return model === undefined ? data : data.filter((row) => (row.model ?? "") === model);
    },
  });
}

const MOST = 1000;

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
