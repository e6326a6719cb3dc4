/** The font of the pages' own words: a small part of Inter, made of the file in its package. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

import subsetFont from "subset-font";
import type { Plugin } from "vite";

const SOURCE = "node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2";
const STYLES = "src/app/fonts.css";
/** Of the font's features: pairs of letters, figures of equal width, and the one-storey a that figures are beside. */
const FEATURES = ["kern", "tnum", "cv11"];

/** Writes the file that `fonts.css` names, with the letters of its range. */
export function coreFont(): Plugin {
  return {
    name: "core-font",
    async configResolved({ root }) {
      const styles = readFileSync(resolve(root, STYLES), "utf8");
      const [, file = ""] = /url\("\.\.\/\.\.\/([^"]+)"\)/.exec(styles) ?? [];
      const font = await subsetFont(readFileSync(resolve(root, SOURCE)), lettersOf(styles), {
        targetFormat: "woff2",
        variationAxes: { wght: { min: 400, max: 700 } },
        keepFeatures: FEATURES,
      });
      mkdirSync(resolve(root, file, ".."), { recursive: true });
      writeFileSync(resolve(root, file), font);
    },
  };
}

/** The letters of the `unicode-range` in a stylesheet. */
export function lettersOf(styles: string): string {
  const [, ranges = ""] = /unicode-range: ([^;]+);/.exec(styles) ?? [];
  return [...ranges.matchAll(/U\+([0-9A-F]+)(?:-([0-9A-F]+))?/g)]
    .flatMap(([, first = "", last = first]) => {
      const begin = parseInt(first, 16);
      return Array.from({ length: parseInt(last, 16) - begin + 1 }, (_, place) => String.fromCodePoint(begin + place));
    })
    .join("");
}
