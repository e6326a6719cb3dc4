/** Markdown divided into blocks that can be rendered by themselves. While an answer grows, only its last block changes, so the others
 * are not rendered again. */

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
/** A line that continues a list above an empty line: an item of it, or indented text. */
const CONTINUES = /^(?:\s|[-*+]\s|\d{1,9}[.)]\s)/;
/** The target of links, which may be used anywhere in the text, by its label. */
const TARGET = /^ {0,3}(\[(?!\^)[^\]\n]+\]):[^\n]*$/gm;
const MAX_TARGETS = 100;
/** A footnote: footnotes are numbered through the whole text. */
const FOOTNOTE = /^ {0,3}\[\^[^\]\n]+\]:/m;
/** Characters up to which a text with footnotes is one block, which is rendered whole with every piece that comes. */
const MAX_WHOLE = 16_000;
/** Characters beyond which a block ends at the next line, as what never has an empty line would be rendered whole, too. */
const MAX_BLOCK = 16_000;

export function blocksOf(text: string): string[] {
  if (text.length <= MAX_WHOLE && FOOTNOTE.test(text)) return [text];
  const blocks = divided(text).filter((one) => one.trim() !== "");
  const targets = [...text.matchAll(TARGET)].slice(0, MAX_TARGETS);
  if (targets.length === 0) return blocks;
  return blocks.map((block) => {
    const used = targets.filter(([line, label = ""]) => block.includes(label) && !block.includes(line));
    return used.length === 0 ? block : `${block}\n\n${used.map(([line]) => line).join("\n")}`;
  });
}

function divided(text: string): string[] {
  const blocks: string[] = [];
  let block: string[] = [];
  let size = 0;
  let fence: string | null = null;
  // A fence without indentation ends whatever stands above it, and is a block of its own.
  let isCode = false;
  let isList = false;
  for (const line of text.split("\n")) {
    const after = fenceAfter(fence, line);
    if (fence === null && block.length > 0) {
      const begins = block.at(-1)?.trim() === "" && line.trim() !== "" && !(isList && CONTINUES.test(line));
      const opens = after !== null && !line.startsWith(" ");
      if (begins || opens || (isCode && line.trim() !== "") || size > MAX_BLOCK) {
        blocks.push(block.join("\n"));
        block = [];
        size = 0;
      }
    }
    if (block.length === 0) {
      isCode = after !== null && !line.startsWith(" ");
      isList = false;
    }
    isList ||= CONTINUES.test(line);
    fence = after;
    block.push(line);
    size += line.length + 1;
  }
  return [...blocks, block.join("\n")];
}

/** The language and the text of a block that is one piece of fenced code, closed or still open; null for any other. */
export function fencedCode(block: string): { language: string; text: string } | null {
  const [first = "", ...rest] = block.trimEnd().split("\n");
  const mark = first.startsWith(" ") ? null : fenceAfter(null, first);
  if (mark === null) return null;
  const closed = rest.length > 0 && fenceAfter(mark, rest.at(-1) ?? "") === null;
  const lines = closed ? rest.slice(0, -1) : rest;
  if (lines.some((line) => fenceAfter(mark, line) === null)) return null;
  const [language = ""] = first.slice(mark.length).trim().split(/\s/);
  return { language, text: lines.join("\n") };
}

/** The code fence that is open after a line. A fence is closed by one of the same kind, at least as long, with nothing behind it. */
function fenceAfter(fence: string | null, line: string): string | null {
  const found = FENCE.exec(line);
  const mark = found?.[1];
  if (mark === undefined) return fence;
  if (fence === null) return mark.startsWith("`") && found?.[2]?.includes("`") === true ? null : mark;
  const closes = mark.startsWith(fence) && found?.[2]?.trim() === "";
  return closes ? null : fence;
}
