/** Colours for code, by highlight.js. A chunk of its own, as large as the rest of the chat. */
import { common, createLowlight } from "lowlight";

const lowlight = createLowlight(common);
/** Characters beyond which code stays plain: it would be read anew with every piece that comes. */
const MAX_CODE = 60_000;

export type Highlighted = ReturnType<typeof lowlight.highlight>;

/** Code as a tree of spans with classes; null where its language is not known. */
export function highlight(language: string, code: string): Highlighted | null {
  if (!lowlight.registered(language.toLowerCase()) || code.length > MAX_CODE) return null;
  return lowlight.highlight(language.toLowerCase(), code);
}
