// @vitest-environment node
import { describe, expect, it } from "vitest";

import { priceOf } from "~/features/chat/price";

describe("a price", () => {
  const base = { id: "m", object: "model", created: 0, owned_by: "library", vision: null } as const;
  const pricing = {
    id: 1, model: "m", upstream: null, tier: null, above_input_tokens: null, cached_input_usd_per_mtok: null, cache_write_usd_per_mtok: null, cache_write_1h_usd_per_mtok: null, usd_per_request: null, usd_per_image: null, audio_usd_per_minute: null, speech_usd_per_mchar: null, seeded: false, effective_at: "", created_at: "",
  };

  it("is said in a few words", () => {
    expect(priceOf({ ...base, pricing: null })).toBe("No price");
    expect(priceOf({ ...base, pricing: { ...pricing, input_usd_per_mtok: "0.00", output_usd_per_mtok: "0" } })).toBe("Free");
    expect(priceOf({ ...base, pricing: { ...pricing, input_usd_per_mtok: "0.05", output_usd_per_mtok: "0.1" } })).toBe(
      "$0.05 in, $0.10 out per million tokens",
    );
  });
});
