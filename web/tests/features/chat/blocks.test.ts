// @vitest-environment node
import { describe, expect, it } from "vitest";

import { blocksOf, fencedCode } from "~/features/chat/blocks";

describe("blocks", () => {
  it.each([
    ["one\n\ntwo", ["one\n", "two"]],
    ["- a\n\n- b\n\nend", ["- a\n\n- b\n", "end"]],
    ["1. a\n\n   more\n\nend", ["1. a\n\n   more\n", "end"]],
    ["```\na\n\nb\n```\n\nend", ["```\na\n\nb\n```\n", "end"]],
    ["````\n```\n\nb\n````\n\nend", ["````\n```\n\nb\n````\n", "end"]],
    ["```\na\n\nstill open", ["```\na\n\nstill open"]],
    ["```a``` b\n\nend", ["```a``` b\n", "end"]],
    ["[a][1]\n\nmore\n\n[1]: https://example.com", ["[a][1]\n\n\n[1]: https://example.com", "more\n", "[1]: https://example.com"]],
    ["a[^1]\n\nmore\n\n[^1]: note", ["a[^1]\n\nmore\n\n[^1]: note"]],
    ["a\n\n- b\n\n- c", ["a\n", "- b\n\n- c"]],
    ["a\n- b\n\n  c", ["a\n- b\n\n  c"]],
    ["a:\n```js\nb\n```\nc", ["a:", "```js\nb\n```", "c"]],
    ["- a\n  ```js\n  b\n  ```\n- c", ["- a\n  ```js\n  b\n  ```\n- c"]],
  ])("of %j", (text, blocks) => expect(blocksOf(text)).toEqual(blocks));

  it("stay what they are while lines are added", () => {
    const text = "First.\n\n```js\nlet a;\n\nlet b;\n```\n\n- x\n- y\n\nLast words.";
    let before: string[] = [];
    const lines = text.split("\n");
    for (let end = 1; end <= lines.length; end++) {
      const now = blocksOf(lines.slice(0, end).join("\n"));
      expect(now.slice(0, Math.max(0, before.length - 1))).toEqual(before.slice(0, -1));
      before = now;
    }
    expect(before).toEqual(["First.\n", lines.slice(2, 8).join("\n"), lines.slice(8, 11).join("\n"), "Last words."]);
  });
});

describe("a block of a long answer", () => {
  const LINE = "- a point that is made\n";

  it.each(["- a [1]\n".repeat(5_000) + "\n\n[1]: https://example.com", LINE.repeat(5_000), `${LINE.repeat(5_000)}\n\n[^1]: note`])(
    "%# is bounded, whatever the text",
    (text) => {
      const blocks = blocksOf(text);
      expect(blocks.length).toBeGreaterThan(2);
      for (const block of blocks) expect(block.length).toBeLessThan(17_000);
    },
  );
});

describe("fenced code", () => {
  it.each([
    ["```ts\na\n\nb\n```\n", { language: "ts", text: "a\n\nb" }],
    ["~~~~\n~~~\n~~~~", { language: "", text: "~~~" }],
    ["```c++ title\nopen", { language: "c++", text: "open" }],
    ["```", { language: "", text: "" }],
  ])("is %j", (block, code) => expect(fencedCode(block)).toEqual(code));

  it.each(["a", " ```\na\n```", "```\na\n```\nb", "```a```", "> ```\n> a"])("is not %j", (block) => expect(fencedCode(block)).toBeNull());
});
