// @vitest-environment node
import { describe, expect, it } from "vitest";

import { buildOf, digestChoices, newDigest, runningOn, sizeOf } from "~/features/models/places";

import { model, place } from "../lifecycle/samples";

const [OLD, NEW] = ["1".repeat(64), "2".repeat(64)];

describe("a model on several upstreams", () => {
  it("is as large as the largest of its files", () => {
    expect(sizeOf(model({ places: [place({ size_bytes: null })] }))).toBeNull();
    expect(sizeOf(model({ places: [place({ size_bytes: null }), place({ size_bytes: 5 }), place({ size_bytes: 3 })] }))).toBe(5);
  });

  it("has the requests of all of them, or of one", () => {
    const one = model({ places: [place({ running: 2 }), place({ upstream: "rack", running: 1 })] });
    expect(runningOn(one, null)).toBe(3);
    expect(runningOn(one, "rack")).toBe(1);
  });

  it("says of its build what is known", () => {
    expect(buildOf(place({ family: "llama", parameter_size: null, quantization: "Q8_0" }))).toBe("llama Q8_0");
    expect(buildOf(place({ family: null, parameter_size: null, quantization: null }))).toBe("");
  });
});

describe("the digests of a name", () => {
  it("are those where it can be changed, and the one that it is pinned to", () => {
    const pinned = { model: "tiny", digest: OLD, loaded: false };
    const places = [place({ digest: NEW }), place({ upstream: "rack", digest: NEW }), place({ upstream: "hub", digest: "3".repeat(64), managed: false })];
    expect(digestChoices(model({ places, pinned }))).toEqual([
      { digest: NEW, label: "222222222222, at attic, rack" },
      { digest: OLD, label: "111111111111, at no upstream now" },
    ]);
  });

  it("have one to accept where the changed places agree", () => {
    const changed = (digest: string) => place({ digest, changed: true });
    expect(newDigest(model({ places: [place({ digest: OLD })] }))).toBeNull();
    expect(newDigest(model({ places: [place({ digest: OLD }), changed(NEW), changed(NEW)] }))).toBe(NEW);
    expect(newDigest(model({ places: [changed(NEW), changed("3".repeat(64))] }))).toBeNull();
  });
});
