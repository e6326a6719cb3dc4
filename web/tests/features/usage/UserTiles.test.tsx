import { expect, it } from "vitest";

import { lineWords } from "~/features/usage/UserTiles";

it.each([
  [{ waiting: 0, position: null, estimate_s: null }, "none in line"],
  [{ waiting: 1, position: 1, estimate_s: 0.2 }, "1 in line, next in line, about 1 s"],
  [{ waiting: 1, position: 4, estimate_s: 11.2 }, "1 in line, number 4, about 12 s"],
  [{ waiting: 3, position: 5, estimate_s: null }, "3 in line, the first of them number 5"],
])("says of %o what is in line", (queue, words) => {
  expect(lineWords({ running: 0, ...queue })).toBe(words);
});
