/** How deep Markdown is nested, as far as that is seen without parsing it. */

/** Quotes, lists and whatever is in brackets or emphasized are read by functions that call themselves: some thousand levels take
 * seconds, and then end in a full stack. People write three. */
const MAX_DEPTH = 50;

/** The marks of quotes and lists at the beginning of a line. */
const MARKS = /^[ \t]*(?:(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))[ \t]*)+/;
const MARK = />|[-*+]|\d+[.)]/g;
/** What ends a paragraph: nothing is emphasized or linked across it. */
const ENDS = /^\s*(?:$|[|#]|[-*+]\s|\d{1,9}[.)]\s)/;
/** Marks of emphasis and brackets that open, and that close. */
const OPENS = /!?\[|(?<![\p{L}\p{N}*_~])[*_~]+(?=[^\s*_~])/gu;
const CLOSES = /\]|(?<=[^\s*_~])[*_~]+(?![\p{L}\p{N}*_~])/gu;

export function isTooDeep(text: string): boolean {
  let open = 0;
  for (const line of text.split("\n")) {
    const [marks = ""] = MARKS.exec(line) ?? [];
    // Two columns are the least by which a list is within another.
    const indent = marks === "" ? 0 : (marks.length - marks.trimStart().length) / 2;
    if (indent + (marks.match(MARK)?.length ?? 0) > MAX_DEPTH) return true;
    if (ENDS.test(line)) open = 0;
    const inside = line.slice(marks.length);
    const opened = weight(inside.match(OPENS));
    if (open + opened <= MAX_DEPTH) {
      open = Math.max(0, open + opened - weight(inside.match(CLOSES)));
      continue;
    }
    open = deepest(inside, open);
    if (open === Number.POSITIVE_INFINITY) return true;
  }
  return false;
}

/** Levels that marks open or close: a run of stars is one for each two, and one for an odd one. */
function weight(marks: readonly string[] | null): number {
  return (marks ?? []).reduce((sum, mark) => sum + levels(mark), 0);
}

function levels(mark: string): number {
  return mark.includes("[") || mark === "]" ? 1 : Math.ceil(mark.length / 2);
}

/** The levels that are open after a line that begins with `open` of them; infinite where there were too many in it. */
function deepest(line: string, open: number): number {
  const marks = [...line.matchAll(OPENS)].map((mark) => ({ at: mark.index, by: levels(mark[0]) }));
  for (const mark of line.matchAll(CLOSES)) marks.push({ at: mark.index, by: -levels(mark[0]) });
  marks.sort((a, b) => a.at - b.at);
  for (const { by } of marks) {
    open = Math.max(0, open + by);
    if (open > MAX_DEPTH) return Number.POSITIVE_INFINITY;
  }
  return open;
}
