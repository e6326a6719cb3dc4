/** Markdown divided into blocks that can be rendered by themselves. While an answer grows, only its last block changes, so the others
 * are not rendered again. */

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
/** A line that continues the block above an empty line: a list item, or indented text. */
const CONTINUES = /^(?:\s|[-*+]\s|\d{1,9}[.)]\s)/;
/** A footnote or link target, which may be used anywhere in the text. */
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/m;

export function blocksOf(text: string): string[] {
  if (DEFINITION.test(text)) return [text];
  const blocks: string[] = [];
  let block: string[] = [];
  let fence: string | null = null;
  for (const line of text.split("\n")) {
    const emptyAbove = block.at(-1)?.trim() === "";
    if (fence === null && emptyAbove && line.trim() !== "" && !CONTINUES.test(line)) {
      blocks.push(block.join("\n"));
      block = [];
    }
    fence = fenceAfter(fence, line);
    block.push(line);
  }
  blocks.push(block.join("\n"));
  return blocks.filter((one) => one.trim() !== "");
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
