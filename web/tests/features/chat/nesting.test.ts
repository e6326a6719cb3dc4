// @vitest-environment node
import { describe, expect, it } from "vitest";

import { isTooDeep } from "~/features/chat/nesting";

const DEEP: readonly string[] = [
  `${">".repeat(2000)} x`,
  `${"> ".repeat(2000)}x`,
  `${"- ".repeat(2000)}x`,
  `${"1. ".repeat(2000)}x`,
  Array.from({ length: 300 }, (_, level) => `${" ".repeat(2 * level)}- a`).join("\n"),
  "[".repeat(2000) + "x" + "]".repeat(2000),
  "![".repeat(2000) + "x" + "](u)".repeat(2000),
  "[\n".repeat(2000),
  "*".repeat(2000) + "x" + "*".repeat(2000),
  "*a **b ".repeat(2000),
  "_a ".repeat(2000) + "b_ ".repeat(2000),
  "~~a ".repeat(2000) + "b~~ ".repeat(2000),
];

describe("nesting", () => {
  it.each(DEEP.map((text) => [text.slice(0, 20), text]))("of %j… is too deep", (_, text) => expect(isTooDeep(text)).toBe(true));

  it.each([
    "> > - a\n> >   - [b **c _d_**](https://example.com)",
    "**a** _b_ ~~c~~ [d](e) ".repeat(2000),
    "- **a**: b_c_d * e\n".repeat(2000),
    "| *a | b |\n".repeat(2000),
    "snake_case_name [x] a*b*c ".repeat(2000),
    "a \n\n* * *\n\n---\n",
    `${"-".repeat(500)}\n`,
  ])("of %# is not", (text) => expect(isTooDeep(text)).toBe(false));
});
