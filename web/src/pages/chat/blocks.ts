/** Markdown cut into pieces that can be read alone. While an answer grows only its last piece changes, so the others need not
 * be read again. */

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
/** What goes on with a block above an empty line: a list's next item, or something indented. */
const GOES_ON = /^(?:\s|[-*+]\s|\d{1,9}[.)]\s)/;
/** Notes and link targets serve the whole text. */
const SERVES_ALL = /^ {0,3}\[[^\]\n]+\]:/m;

export function blocksOf(text: string): string[] {
  if (SERVES_ALL.test(text)) return [text];
  const blocks: string[] = [];
  let block: string[] = [];
  let fence: string | null = null;
  for (const line of text.split("\n")) {
    const emptyAbove = block.at(-1)?.trim() === "";
    if (fence === null && emptyAbove && line.trim() !== "" && !GOES_ON.test(line)) {
      blocks.push(block.join("\n"));
      block = [];
    }
    fence = fenceAfter(fence, line);
    block.push(line);
  }
  blocks.push(block.join("\n"));
  return blocks.filter((one) => one.trim() !== "");
}

/** The fence that is open after a line: one is closed by one of its kind, at least as long, with nothing behind it. */
function fenceAfter(fence: string | null, line: string): string | null {
  const found = FENCE.exec(line);
  const mark = found?.[1];
  if (mark === undefined) return fence;
  if (fence === null) return mark.startsWith("`") && found?.[2]?.includes("`") === true ? null : mark;
  const closes = mark.startsWith(fence) && found?.[2]?.trim() === "";
  return closes ? null : fence;
}
