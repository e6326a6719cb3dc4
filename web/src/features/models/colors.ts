/** The colours of models, the same on every page: by a model's place among all models, in alphabetical order. */
import { useModelNames } from "~/features/models/models";

const COLORS = 8;

/** A model that no longer exists gets the colour after the last. */
export function colorOf(model: string, known: readonly string[]): string {
  const place = known.indexOf(model);
  return `var(--model-${(place === -1 ? known.length : place) % COLORS})`;
}

export function useModelColors(): (model: string) => string {
  const known = useModelNames();
  return (model) => colorOf(model, known);
}
