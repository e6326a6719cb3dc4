/** The models there are. */
import { useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";
import { useIsAdmin } from "~/features/session/session";

export type Model = Schemas["ModelBody"];
/** A model on one upstream. */
export type Place = Schemas["PlacedModelBody"];

export const ALL_MODELS = ["admin", "models"] as const;
const OWN_MODELS = ["models"] as const;

/** The models that the signed-in user may use. */
export function useOwnModels(enabled = true) {
  return useQuery({ queryKey: OWN_MODELS, queryFn: () => body(api.GET("/v1/models")), staleTime: 60_000, enabled });
}

/** Every model, for admins; read again every so many milliseconds. */
export function useAllModels(enabled = true, refetchInterval: number | false = false) {
  return useQuery({
    queryKey: ALL_MODELS,
    queryFn: () => allPages((query) => body(api.GET("/admin/models", { params: { query } }))),
    enabled,
    refetchInterval,
  });
}

/** The names of the models that the signed-in user, or admin, can see, in alphabetical order. */
export function useModelNames(): string[] {
  const admin = useIsAdmin();
  const own = useOwnModels(!admin);
  const all = useAllModels(admin);
  const names = admin ? all.data?.map((model) => model.name) : own.data?.data.map((model) => model.id);
  return [...(names ?? [])].sort();
}

/** A model to show an example request with. */
export function useExampleModel(): string {
  return useModelNames()[0] ?? "llama3.2:1b";
}
