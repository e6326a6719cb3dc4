import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

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
    expect(screen.getByRole("region", { name: "Code" }).textContent).toBe("print(1)");
    expect(screen.getByText("python")).toBeDefined();
    expect(screen.getByRole("button", { name: "Copy the code" })).toBeDefined();
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
