/** Prices of models, in versions. There are hundreds at most, so lists are read as a whole. */
import { useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";
import { count } from "~/ui/format/numbers";

export type Price = Schemas["PriceBody"];

export const PRICES = ["admin", "prices"] as const;

/** The prices in force, by name or pattern. */
export function useAllPrices() {
  return useQuery({
    queryKey: [...PRICES, "all"],
    queryFn: () => allPages((query) => body(api.GET("/admin/prices", { params: { query } }))),
  });
}

/** All versions of one price, newest first, including those still to come. */
export function useHistory(model: string) {
  return useQuery({
    queryKey: [...PRICES, "history", model],
    queryFn: () => {
      const path = { model };
      return allPages((query) => body(api.GET("/admin/prices/{model}/history", { params: { path, query } })));
    },
  });
}

type Scope = Pick<Price, "model" | "upstream" | "tier" | "above_input_tokens">;

/** What tells a price from the other prices of its model: one for an upstream, for a tier, for long inputs. */
export function priceKey({ model, upstream, tier, above_input_tokens: above }: Scope): string {
  return [model, upstream?.toLowerCase() ?? "", tier ?? "", above ?? 0].join(" ");
}

/** Which requests a price is for, beside its model; "" for all of them. */
export function scopeWords({ upstream, tier, above_input_tokens: above }: Omit<Scope, "model">): string {
  return [
    ...(upstream === null ? [] : [`at ${upstream}`]),
    ...(tier === null ? [] : [`of tier ${tier}`]),
    ...(above === null ? [] : [`above ${count(above)} input tokens`]),
  ].join(", ");
}

/** Whether a price is for all models that begin with its name. */
export function isPattern(model: string): boolean {
  return model.endsWith("*");
}

export type VersionState = "in force" | "to come" | "past";

/** The state of each version at a moment, by its id. `versions`: of one model's prices, newest first. */
export function statesOf(versions: readonly (Scope & Pick<Price, "id" | "effective_at" | "seeded">)[], now: Date): Map<number, VersionState> {
  const states = new Map<number, VersionState>();
  const found = new Set<string>();
  // One from a list counts only where an admin set none.
  const ranked = [...versions].sort((one, other) => Number(one.seeded) - Number(other.seeded));
  for (const version of ranked) {
    if (Date.parse(version.effective_at) > now.getTime()) states.set(version.id, "to come");
    else {
      states.set(version.id, found.has(priceKey(version)) ? "past" : "in force");
      found.add(priceKey(version));
    }
  }
  return states;
}
