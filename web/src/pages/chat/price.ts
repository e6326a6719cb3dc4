import type { Schemas } from "~/api/client";
import { exactUsd, isNothing } from "~/parts/format";

/** What a model costs, in a few words. */
export function priceOf({ pricing }: Schemas["Model"]): string {
  if (pricing === null) return "No price";
  if (isNothing(pricing.input_usd_per_mtok) && isNothing(pricing.output_usd_per_mtok)) return "Free";
  return `${exactUsd(pricing.input_usd_per_mtok)} in, ${exactUsd(pricing.output_usd_per_mtok)} out per million tokens`;
}
