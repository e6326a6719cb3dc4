import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { compressed } from "./plugins/compressed.ts";
import { coreFont } from "./plugins/coreFont.ts";

const gateway = process.env["TOLLKEEPER_URL"] ?? "http://127.0.0.1:8000";

/** Fields and panels for editing, and what only pages with such use: most of them, but not those that one sees first. */
const FIELDS =
  /@mantine\/core\/esm\/components\/(Autocomplete|Checkbox\/(?!CheckIcon)|Combobox|Drawer|MultiSelect|NativeSelect|NumberInput|Pill|PillsInput|Radio\/(?!RadioIcon)|Select|Switch|Tabs|TagsInput|Textarea)|InputsGroup|react-number-format/;
const OF_SOME_PAGES = /src\/features\/(invoices|limits|calls|explorer|audit|alerts|keys|teams|users)|src\/ui\/(SidePanel|DialogForm|Meter|SearchBox)/;

/** KaTeX names each of its fonts in three formats; all browsers that run these pages read the first. */
const onlyWoff2: Plugin = {
  name: "only-woff2",
  enforce: "pre",
  transform: (code, id) => (id.includes("katex.min.css") ? code.replaceAll(/,url\([^)]+\.(?:woff|ttf)\) format\("[a-z]+"\)/g, "") : null),
};

export default defineConfig({
  base: "/ui/",
  plugins: [react(), onlyWoff2, ...(process.env["VITEST"] === undefined ? [coreFont(), compressed()] : [])],
  resolve: { tsconfigPaths: true },
  // The gateway puts a fresh nonce in its place into each answer: src/tollkeeper/portal.
  html: { cspNonce: "__NONCE__" },
  build: {
    outDir: "../src/tollkeeper/portal/assets",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    // Few chunks: each costs some 300 bytes of heads, and is compressed by itself.
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: "initial", tags: ["$initial"], priority: 2 },
            { name: "fields", test: FIELDS, minShareCount: 2, priority: 1 },
            { name: "shared", test: (id) => !OF_SOME_PAGES.test(id), minShareCount: 3 },
          ],
        },
      },
    },
  },
  server: {
    // `npm run dev` shows the pages from their sources, with the data of a gateway that runs.
    proxy: Object.fromEntries(
      ["/auth", "/me", "/v1", "/admin", "/health"].map((path) => [
        path,
        { target: gateway, changeOrigin: true, headers: { origin: gateway } },
      ]),
    ),
  },
  test: {
    environment: "jsdom",
    environmentOptions: { jsdom: { url: "http://localhost:8000/ui/" } },
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    maxWorkers: "100%",
    // No test is about time: a slow machine is no failure.
    testTimeout: 60_000,
    env: { TZ: "Europe/Berlin" },
  },
});
