/** Formulas in Markdown. Models write them as \( … \), \[ … \], $ … $ and $$ … $$; what is read from here on has the last form only. */

/** What is no formula: fenced code, to the end where it is open, and code in a line. */
const CODE = /^ {0,3}(`{3,}|~{3,})[^\n]*(?:\n[\s\S]*?(?:\n {0,3}\1[`~]*[ \t]*(?=\n|$)|$(?![\s\S]))|$(?![\s\S]))|(?<!`)(`+)(?!`)[\s\S]*?[^`]\2(?!`)/gm;
const ONE_LINE = /^([ \t]*)\$\$([^\n$]+)\$\$[ \t]*$/gm;
/** As Pandoc has it: no space inside, and no digit behind, so that "$5 and $10" are prices. */
const DOLLARS = /(?<![\\$\w])\$(?![\s$])((?:\\.|[^$\\\n])*?(?:\\.|[^\s\\$]))\$(?![\w$])/g;

/** Whether a text may have formulas. */
function mayHaveMaths(text: string): boolean {
  return /\\[([]|\$/.test(text);
}

/** The same text with all formulas between double dollars: in lines of their own where they are displayed. */
export function withDoubleDollars(text: string): string {
  if (!mayHaveMaths(text)) return text;
  let changed = "";
  let from = 0;
  for (const code of text.matchAll(CODE)) {
    changed += inProse(text.slice(from, code.index)) + code[0];
    from = code.index + code[0].length;
  }
  return changed + inProse(text.slice(from));
}

function inProse(text: string): string {
  const displayed = between(text, "\\[", "\\]", (formula, indent) => display(formula, indent)).replace(ONE_LINE, (_, indent: string, formula: string) => display(formula, indent));
  const inline = between(displayed, "\\(", "\\)", (formula) => `$$${formula.trim()}$$`);
  return inline.replace(DOLLARS, (_, formula: string) => `$$${formula}$$`);
}

function display(formula: string, indent: string): string {
  return `\n${indent}$$\n${indent}${formula.trim().replaceAll("\n", `\n${indent}`)}\n${indent}$$\n`;
}

/** The text with what stands between two marks written anew. By `indexOf`: a regular expression would look for the end of each
 * mark that is not closed in all of the rest. */
function between(text: string, open: string, close: string, write: (inside: string, indent: string) => string): string {
  let changed = "";
  let from = 0;
  for (;;) {
    const start = text.indexOf(open, from);
    const end = start === -1 ? -1 : text.indexOf(close, start + open.length);
    if (end === -1) return changed + text.slice(from);
    const inside = text.slice(start + open.length, end);
    // What stands before it in its line, if that is after the last one: to look further back would be to read a long line anew for each.
    const before = text.slice(from, start);
    const line = from === 0 || before.includes("\n") ? before.slice(before.lastIndexOf("\n") + 1) : null;
    const isFormula = inside.trim() !== "" && !/\n\s*\n/.test(inside) && text[start - 1] !== "\\";
    changed += before + (isFormula ? write(inside, line?.trim() === "" ? line : "") : text.slice(start, end + close.length));
    from = end + close.length;
  }
}
