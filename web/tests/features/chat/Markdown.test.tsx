import { MantineProvider } from "@mantine/core";
import { render, screen, waitFor } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";

import Markdown, { safeLink } from "~/features/chat/Markdown";

function shown(text: string): HTMLElement {
  render(
    <MantineProvider>
      <main>
        <Markdown text={text} />
      </main>
    </MantineProvider>,
  );
  return screen.getByRole("main");
}

describe("what a model writes", () => {
  it.each(["<script>alert(1)</script>", "hm <script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<style>*{display:none}</style>", "<iframe src=https://evil.example>"])(
    "%s is text",
    (html) => {
      const page = shown(html);
      expect(page.querySelector("script, img, style, iframe, [onerror]")).toBeNull();
      expect(page.textContent).toContain(html);
    },
  );

  it.each([
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)",
    "[x](/auth/logout)",
    "[x](//evil.example)",
    "<javascript:alert(1)>",
  ])("%s leads nowhere", (text) => expect(shown(text).querySelector("a")).toBeNull());

  it("leads to other pages in a window of their own, which learn nothing of this one", () => {
    shown("[docs](https://example.com/a)");
    const link = screen.getByRole("link", { name: "docs" });
    expect(link.getAttribute("href")).toBe("https://example.com/a");
    expect(link.getAttribute("rel")).toBe("noopener noreferrer");
    expect(link.getAttribute("target")).toBe("_blank");
  });

  it.each(["![a cat](http://evil.example/x.png)", "![a cat](data:image/png;base64,AA)"])("fetches no image: %s", (text) => {
    const page = shown(text);
    expect(page.querySelector("img")).toBeNull();
    expect(page.textContent).toBe("Image: a cat");
  });

  it("shows code with its language, and copies it", () => {
    shown("```python\nprint(1)\n```");
    expect(screen.getByRole("group", { name: "Code" }).textContent).toBe("print(1)");
    expect(screen.getByText("python")).toBeDefined();
    expect(screen.getByRole("button", { name: "Copy the code" })).toBeDefined();
  });

  it("shows formulas, in a line and by themselves, and prices as prices", async () => {
    const page = shown("$5 and $6, \\(x^2\\)\n\n\\[\n\\frac{a}{b}\n\\]");
    await vi.waitFor(() => expect(page.querySelectorAll(".katex-html")).toHaveLength(2));
    expect(page.textContent).toContain("$5 and $6, ");
    expect(screen.getByRole("group", { name: "Formula" }).querySelector(".katex-display")).not.toBeNull();
  });

  it("shows what is no formula as it was written", async () => {
    const page = shown("$\\nothing{x}$ and $\\href{javascript:alert(1)}{y}$");
    await vi.waitFor(() => expect(page.querySelector("code")?.textContent).toBe("\\nothing{x}"));
    expect(page.querySelector("a, [href]")).toBeNull();
  });

  it("colours code without changing it", async () => {
    const page = shown("```python\ndef f(): return 1 < 2 # <b>\n```\n\n```unheard-of\ndef\n```");
    await vi.waitFor(() => expect(page.querySelector(".hljs-keyword")?.textContent).toBe("def"));
    expect(screen.getAllByRole("group", { name: "Code" }).map((code) => code.textContent)).toEqual(["def f(): return 1 < 2 # <b>", "def"]);
    expect(page.querySelector("b")).toBeNull();
  });

  it("is not wrapped in headings of the page's own rank", () => {
    expect(shown("# Big").querySelector("h1, h2")).toBeNull();
  });
});

describe("links", () => {
  it.each([
    ["https://example.com", "https://example.com"],
    ["mailto:a@example.com", "mailto:a@example.com"],
    ["ftp://example.com", ""],
    ["https://", ""],
  ])("%s may be followed as %j", (url, safe) => expect(safeLink(url)).toBe(safe));
});

describe("what cannot be rendered", () => {
  const view = (text: string) => (
    <MantineProvider>
      <main>
        <Markdown text={text} />
      </main>
    </MantineProvider>
  );

  it.each([`${">".repeat(2000)} x`, `${"- ".repeat(2000)}x`, "[".repeat(2000), `${"~~a ".repeat(2000)}${"b~~ ".repeat(2000)}`])("is shown as it came: %#", (text) => {
    const page = shown(`**Before**\n\n${text}\n\n**after**`);
    expect(page.textContent).toContain(text.trim());
    expect([...page.querySelectorAll("strong")].map((one) => one.textContent)).toEqual(["Before", "after"]);
  });

  it("takes nothing else with it, and is rendered once it is another text", () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const parse = vi.spyOn(URL, "canParse").mockImplementation(() => {
      throw new RangeError("Maximum call stack size exceeded");
    });
    const { rerender } = render(view("**a**\n\n[b](https://example.com)"));
    const page = screen.getByRole("main");
    expect(page.textContent).toContain("[b](https://example.com)");
    expect(page.querySelector("strong")?.textContent).toBe("a");
    parse.mockRestore();
    rerender(view("**a**\n\n[b](https://example.com) and"));
    expect(screen.getByRole("link", { name: "b" })).toBeDefined();
    vi.restoreAllMocks();
  });

  it("leaves alone what came before while it grows", () => {
    const { rerender } = render(view("[a](https://example.com)\n\n[b](https://example.com) x"));
    const parse = vi.spyOn(URL, "canParse");
    rerender(view("[a](https://example.com)\n\n[b](https://example.com) xy"));
    expect(parse).toHaveBeenCalledTimes(1);
    rerender(view("[a](https://example.com)\n\n[b](https://example.com) xy\n\n[c]: https://example.com/c"));
    expect(screen.getAllByRole("link")).toHaveLength(2);
    expect(parse.mock.calls.length).toBeLessThan(3);
    parse.mockRestore();
  });

  it("is no formula where it is very long", async () => {
    const formula = "x+".repeat(4_000);
    const page = shown(`$$\n${formula}x\n$$`);
    await waitFor(() => expect(page.querySelector("[aria-label=Formula] code")).not.toBeNull());
    expect(page.textContent).toContain(formula);
  });
});
