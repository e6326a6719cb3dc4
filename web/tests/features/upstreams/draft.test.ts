import { expect, it } from "vitest";

import { isPaid, NEW_UPSTREAM } from "~/features/upstreams/draft";

it("may charge for answers as its kind does, unless it says otherwise", () => {
  expect(isPaid(NEW_UPSTREAM)).toBe(false);
  expect(isPaid({ ...NEW_UPSTREAM, kind: "openai-compatible" })).toBe(true);
  expect(isPaid({ ...NEW_UPSTREAM, kind: "openai-compatible", paid: "no" })).toBe(false);
  expect(isPaid({ ...NEW_UPSTREAM, paid: "yes" })).toBe(true);
});
