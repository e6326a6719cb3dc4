import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { lettersOf } from "../../plugins/coreFont";

const letters = lettersOf(readFileSync("src/app/fonts.css", "utf8"));

test("a range is all its letters", () => {
  expect(lettersOf("unicode-range: U+0041-0043, U+2026;")).toBe("ABC…");
});

/** Signs of keys, which are in no font of text. */
const KEYS = "⌘";

test("the light font has every letter of the pages' own words", () => {
  const used = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap((name) => Array.from(readFileSync(join("src", name), "utf8")))
    .filter((letter) => letter !== "\n" && !KEYS.includes(letter));
  expect([...new Set(used)].filter((letter) => !letters.includes(letter))).toEqual([]);
});
