/** Colours for code, by highlight.js. A chunk of its own, as large as the rest of the chat. */
import { common, createLowlight } from "lowlight";

const lowlight = createLowlight(common);
/** Characters beyond which code stays plain, and those of a line: expressions of some languages read a long one again and again. */
const MAX_CODE = 60_000;
const LONG_LINE = /[^\n]{2001}/;

export type Highlighted = ReturnType<typeof lowlight.highlight>;

/** Code as a tree of spans with classes; null where its language is not known. */
export function highlight(language: string, code: string): Highlighted | null {
  if (!lowlight.registered(language.toLowerCase()) || code.length > MAX_CODE || LONG_LINE.test(code)) return null;
  return lowlight.highlight(language.toLowerCase(), code);
}
