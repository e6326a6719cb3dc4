import type { Schemas } from "~/api/client";
import { exactUsd, isZero } from "~/ui/format/money";

/** The price of a model in a few words. */
export function priceOf({ pricing }: Schemas["Model"]): string {
  if (pricing === null) return "No price";
  if (isZero(pricing.input_usd_per_mtok) && isZero(pricing.output_usd_per_mtok)) return "Free";
  return `${exactUsd(pricing.input_usd_per_mtok)} in, ${exactUsd(pricing.output_usd_per_mtok)} out per million tokens`;
}
