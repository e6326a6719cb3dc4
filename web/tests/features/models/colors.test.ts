import { expect, it } from "vitest";

import { colorOf } from "~/features/models/colors";

const NAMES = Array.from({ length: 10 }, (_, place) => `m${place}`);

it("is that of a model's place, beginning again after the last colour", () => {
  expect(colorOf("m0", NAMES)).toBe("var(--model-0)");
  expect(colorOf("m7", NAMES)).toBe("var(--model-7)");
  expect(colorOf("m8", NAMES)).toBe("var(--model-0)");
});

it("is the same for all models that no longer exist", () => {
  expect(colorOf("gone", NAMES)).toBe("var(--model-2)");
  expect(colorOf("gone, too", NAMES)).toBe("var(--model-2)");
});
