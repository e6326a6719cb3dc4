// @vitest-environment node
import { describe, expect, it, vi } from "vitest";

import { withDoubleDollars } from "~/features/chat/maths";

describe("formulas", () => {
  it.each([
    ["so \\(x^2\\) it is", "so $$x^2$$ it is"],
    ["so $x^2$ it is", "so $$x^2$$ it is"],
    ["so $$x^2$$ it is", "so $$x^2$$ it is"],
    ["\\[\nx^2\n\\]", "\n$$\nx^2\n$$\n"],
    ["  \\[ x \\]", "  \n  $$\n  x\n  $$\n"],
    ["$$x^2$$", "\n$$\nx^2\n$$\n"],
    ["$\\$5$", "$$\\$5$$"],
  ])("%j become %j", (text, changed) => expect(withDoubleDollars(text)).toBe(changed));

  it.each([
    "It costs $5 and $10.",
    "US$5 and US$6",
    "a $ b $ c",
    "`$x$` and `\\(x\\)`",
    "```sh\necho $HOME $PATH\n\\[ x \\]\n```",
    "~~~\n$x$",
    "escaped \\$x\\$ and \\\\(x\\\\)",
    "not \\(closed",
    "two \\(para\n\ngraphs\\)",
    "``a ` $x$``",
  ])("are not in %j", (text) => expect(withDoubleDollars(text)).toBe(text));

  it("after code are formulas", () => expect(withDoubleDollars("```\n$a$\n```\n$b$")).toBe("```\n$a$\n```\n$$b$$"));

  it("in one long line take no longer to read than in many", () => {
    const searched = vi.spyOn(String.prototype, "lastIndexOf");
    expect(withDoubleDollars("\\(x\\) ".repeat(1_000))).toBe("$$x$$ ".repeat(1_000));
    let read = 0;
    for (const text of searched.mock.contexts) read += String(text).length;
    searched.mockRestore();
    expect(read).toBeLessThan(20_000);
  });

  it("keep the indentation that only the first of a line has", () =>
    expect(withDoubleDollars("a\n  \\[x\\]  \\[y\\]")).toBe("a\n  \n  $$\n  x\n  $$\n  \n$$\ny\n$$\n"));

  it("that are never closed take no longer to read than others", () => {
    const text = "\\[".repeat(100_000) + "\\(".repeat(100_000) + "$".repeat(100_001);
    expect(withDoubleDollars(text)).toHaveLength(text.length);
  });
});
