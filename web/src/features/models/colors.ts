/** The colours of models: the gateway keeps them, so that they are the same on every page, for everyone and for ever. */
import { useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { useSession } from "~/features/session/session";

export type ModelColors = (model: string) => string;

/** The first eight models have colours of their own, --model-0 to --model-7; all others share this one. */
export const OTHER = "var(--model-other)";

/** The colour of this number, from 0 on; without one, that of all other models. */
export function colorNumbered(color: number | null | undefined): string {
  return color === undefined || color === null ? OTHER : `var(--model-${color})`;
}

const MODEL_COLORS = ["me", "model-colors"] as const;
const FRESH_MS = 60_000;

export function useModelColors(): ModelColors {
  const { session } = useSession();
  const { data } = useQuery({
    queryKey: MODEL_COLORS,
    queryFn: () => body(api.GET("/me/model-colors")),
    enabled: session != null,
    staleTime: FRESH_MS,
    refetchInterval: FRESH_MS,
    select: byModel,
  });
  return (model) => colorNumbered(data?.get(model));
}

function byModel({ data }: Schemas["ModelColors"]): ReadonlyMap<string, number> {
  return new Map(data.map(({ model, color }) => [model, color]));
}
