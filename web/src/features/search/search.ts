import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import { useKeys } from "~/features/keys/keys";
import { useOwnModels } from "~/features/models/models";
import { groupsOfHits, groupsOfOwn, isRequestId, type PlaceGroup, withoutSecret } from "~/features/search/hits";

export interface Found {
  groups: readonly PlaceGroup[];
  /** Whether what is typed is still looked for. */
  busy: boolean;
  error: Error | null;
}

const WAIT_MS = 150;

/** What an admin finds: anything that has a name or an id. */
export function useSearchOfAll(typed: string): Found {
  const text = withoutSecret(typed);
  const [q] = useDebouncedValue(text, WAIT_MS);
  const { data, error, isPlaceholderData } = useQuery({
    queryKey: ["search", q],
    queryFn: () => body(api.GET("/admin/search", { params: { query: { q } } })),
    enabled: q !== "",
    placeholderData: keepPreviousData,
  });
  const hits = text === "" ? [] : (data?.data ?? []);
  const known = text === q && (q === "" || error !== null || (data !== undefined && !isPlaceholderData));
  return { groups: groupsOfHits(hits), busy: !known, error: text === "" ? null : error };
}

/** What a user finds: what is their own. */
export function useSearchOfOwn(typed: string): Found {
  const text = withoutSecret(typed);
  const [q] = useDebouncedValue(text, WAIT_MS);
  const models = useOwnModels();
  const keys = useKeys(undefined);
  const asked = isRequestId(q);
  const calls = useQuery({
    queryKey: ["search", "own", q],
    queryFn: () => body(api.GET("/v1/usage", { params: { query: { request_id: q, limit: 5 } } })),
    enabled: asked,
  });
  const parts = [models, keys, ...(asked ? [calls] : [])];
  const error = parts.map((part) => part.error).find((one) => one !== null) ?? null;
  const busy = text !== "" && (text !== q || parts.some((part) => part.isPending));
  const own = {
    models: models.data?.data.map(({ id }) => id).sort() ?? [],
    keys: keys.data?.toReversed() ?? [],
    requests: asked ? (calls.data?.data ?? []) : [],
  };
  return { groups: text === "" ? [] : groupsOfOwn(text, own), busy, error };
}
