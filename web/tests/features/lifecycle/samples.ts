/** Models as the API gives them. */
import type { Model, Place } from "~/features/models/models";

export function place(given: Partial<Place> = {}): Place {
  return {
    upstream: "attic",
    managed: true,
    digest: "1".repeat(64),
    size_bytes: 1_321_098_329,
    family: "llama",
    parameter_size: "1.2B",
    quantization: "Q8_0",
    context: 131_072,
    modified_at: "2026-11-20T12:00:00.000Z",
    loaded: null,
    running: 0,
    pricing: null,
    changed: false,
    pin_error: null,
    ...given,
  };
}

export function model(given: Partial<Model> = {}): Model {
  const places = given.places ?? [place()];
  return {
    name: "tiny:latest",
    upstream: places[0]?.upstream ?? "",
    upstreams: places.map(({ upstream }) => upstream),
    modified_at: null,
    context: 131_072,
    sees_images: false,
    pricing: null,
    aliases: [],
    pinned: null,
    requests_this_month: 0,
    last_used_at: null,
    ...given,
    places,
  };
}
