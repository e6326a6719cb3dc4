// @vitest-environment node
import { describe, expect, it } from "vitest";

import { blocksOf } from "~/features/chat/blocks";

describe("blocks", () => {
  it.each([
    ["one\n\ntwo", ["one\n", "two"]],
    ["- a\n\n- b\n\nend", ["- a\n\n- b\n", "end"]],
    ["1. a\n\n   more\n\nend", ["1. a\n\n   more\n", "end"]],
    ["```\na\n\nb\n```\n\nend", ["```\na\n\nb\n```\n", "end"]],
    ["````\n```\n\nb\n````\n\nend", ["````\n```\n\nb\n````\n", "end"]],
    ["```\na\n\nstill open", ["```\na\n\nstill open"]],
    ["```a``` b\n\nend", ["```a``` b\n", "end"]],
    ["[a][1]\n\nmore\n\n[1]: https://example.com", ["[a][1]\n\nmore\n\n[1]: https://example.com"]],
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
    expect(before).toEqual(["First.\n", lines.slice(2, 11).join("\n"), "Last words."]);
  });
});
