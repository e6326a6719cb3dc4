// @vitest-environment node
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

import { build } from "vite";
import { afterEach, beforeEach, expect, it } from "vitest";

import { compressed } from "../../plugins/compressed";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "compressed-"));
});
afterEach(() => rmSync(root, { recursive: true }));

it("writes copies of every text of some size that are what they compress, and of nothing else", async () => {
  const long = Array.from({ length: 200 }, (_, at) => `console.log("line ${at} of many");`).join("\n");
  writeFileSync(join(root, "index.html"), `<script type="module" src="./main.js"></script>${"<p>text</p>".repeat(500)}`);
  writeFileSync(join(root, "main.js"), `${long}\nimport("./small.js");`);
  writeFileSync(join(root, "small.js"), `console.log("small")`);
  await build({ root, configFile: false, logLevel: "silent", plugins: [compressed()], build: { modulePreload: false } });
  const built = join(root, "dist");
  const names = readdirSync(built, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(built, name)).isFile());
  const copies = names.filter((name) => /\.(?:br|gz)$/.test(name));
  const main = names.find((name) => /index-[^/]*\.js$/.test(name)) ?? "";
  expect(copies.sort()).toEqual([`${main}.br`, `${main}.gz`]);
  const content = readFileSync(join(built, main));
  expect(brotliDecompressSync(readFileSync(join(built, `${main}.br`))).equals(content)).toBe(true);
  expect(gunzipSync(readFileSync(join(built, `${main}.gz`))).equals(content)).toBe(true);
  expect(readFileSync(join(built, `${main}.br`)).length).toBeLessThan(content.length / 4);
});
