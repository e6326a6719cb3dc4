/** What is known of a model on its upstreams, put together. */
import type { Model, Place } from "~/features/models/models";

/** Where it can be loaded, copied and deleted from here. */
export function managedPlaces(model: Model): Place[] {
  return model.places.filter(({ managed }) => managed);
}

export function loadedPlaces(model: Model): Place[] {
  return model.places.filter(({ loaded }) => loaded !== null);
}

/** Where its name is pinned to another digest, so that it gets no requests. */
export function changedPlaces(model: Model): Place[] {
  return model.places.filter(({ changed }) => changed);
}

/** The requests that run on it now, at one upstream or at all. */
export function runningOn(model: Model, upstream: string | null): number {
  return model.places.filter((place) => upstream === null || place.upstream === upstream).reduce((sum, { running }) => sum + running, 0);
}

/** The largest of its files: copies of different quantisations may have the same name. */
export function sizeOf(model: Model): number | null {
  const sizes = model.places.map(({ size_bytes: size }) => size).filter((size) => size !== null);
  return sizes.length === 0 ? null : Math.max(...sizes);
}

/** "llama 1.2B Q8_0"; "" where nothing is known. */
export function buildOf({ family, parameter_size: parameters, quantization }: Place): string {
  return [family, parameters, quantization].filter((part) => part !== null && part !== "").join(" ");
}

/** As long as is needed to tell digests apart, and as `ollama list` writes them. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

export interface DigestChoice {
  digest: string;
  label: string;
}

/** The digests that a name can be pinned to: those that it stands for now, and the one that it is pinned to already. */
export function digestChoices(model: Model): DigestChoice[] {
  const places = new Map<string, string[]>();
  for (const { digest, upstream } of managedPlaces(model)) {
    if (digest !== null) places.set(digest, [...(places.get(digest) ?? []), upstream]);
  }
  const pinned = model.pinned?.digest ?? null;
  if (pinned !== null && !places.has(pinned)) places.set(pinned, []);
  return [...places].map(([digest, at]) => ({ digest, label: `${shortDigest(digest)}, ${at.length === 0 ? "at no upstream now" : `at ${at.join(", ")}`}` }));
}

/** The digest that an admin would accept: the one that the name has now where it is not the pinned one; null: none, or several. */
export function newDigest(model: Model): string | null {
  const found = new Set(changedPlaces(model).map(({ digest }) => digest));
  const [digest] = found;
  return found.size === 1 ? (digest ?? null) : null;
}
