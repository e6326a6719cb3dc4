/** The colours of models, the same on every page: by a model's place among all models, in alphabetical order. */
import { useModelNames } from "~/features/models/models";

export type ModelColors = (model: string) => string;

const COLORS = 8;
/** The colour that all models without one of their own share. */
export const OTHER = "var(--model-other)";

/** A model that no longer exists gets the colour after the last. */
export function colorOf(model: string, known: readonly string[]): string {
  const place = known.indexOf(model);
  return `var(--model-${(place === -1 ? known.length : place) % COLORS})`;
}

export function useModelColors(): ModelColors {
  const known = useModelNames();
  return (model) => colorOf(model, known);
}
