/** A model's colour, the same on every page: its place among all models there are, by name. */
import { useQuery } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import { useSession } from "~/app/session";

const COLORS = 8;

export const MODELS = ["models"] as const;

export function useModels() {
  return useQuery({ queryKey: MODELS, queryFn: () => body(api.GET("/v1/models")), staleTime: 60_000 });
}

/** Every model there is, for admins, who relay nothing themselves. */
export function useAllModels(enabled = true) {
  return useQuery({ queryKey: ["admin", "models"], queryFn: () => body(api.GET("/admin/models")), staleTime: 60_000, enabled });
}

/** A model to show a first request with. */
export function useSomeModel(): string {
  return useAllModels().data?.data[0]?.name ?? "llama3.2:1b";
}

export function colorOf(model: string, known: readonly string[]): string {
  const place = known.indexOf(model);
  return `var(--model-${(place === -1 ? known.length : place) % COLORS})`;
}

/** The models there are for whoever is signed in, by name. */
export function useModelNames(): string[] {
  const { session } = useSession();
  const admin = session?.user.role === "admin";
  const own = useQuery({ queryKey: MODELS, queryFn: () => body(api.GET("/v1/models")), staleTime: 60_000, enabled: !admin });
  const all = useAllModels(admin);
  const names = admin ? all.data?.data.map((model) => model.name) : own.data?.data.map((model) => model.id);
  return [...(names ?? [])].sort();
}

/** Colours of models. Those no longer there share the one after the last. */
export function useModelColors(): (model: string) => string {
  const known = useModelNames();
  return (model) => colorOf(model, known);
}
