import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { compressed } from "./plugins/compressed.ts";
import { coreFont } from "./plugins/coreFont.ts";

const gateway = process.env["TOLLKEEPER_URL"] ?? "http://127.0.0.1:8000";

/** What is small, and used by nearly all pages: in one chunk, as a chunk for each would cost more than it holds. */
const SMALL = new RegExp(
  [
    "src/api/(curl|pages)",
    "src/ui/(format/|CopyButton|Count|Empty|FadeOnChange|Loading|Money|Panel|Status|Tiles|Times|useNow|useReturnFocus|urlState|period)",
    "src/features/(models/(colors|models|ModelName)|session/useMe|upstreams/UpstreamStatus)",
    "icons/Icon(X|Plus|Search|CircleMinus|Pencil|QuestionMark|Dots|ListDetails|Trash|Refresh|Photo|ArrowUp)\\.mjs",
  ].join("|"),
);

/** What opens above a page, used by nearly all of them. */
const OVERLAYS = /@floating-ui\/|react-remove-scroll|react-style-singleton|use-sidecar|use-callback-ref|tslib|@mantine\/core\/esm\/components\/(ModalBase|Modal|Menu|Popover|Tooltip|ScrollArea|Portal|Overlay|FloatingArrow|Skeleton)\//;

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
    rolldownOptions: { output: { codeSplitting: { groups: [
          { name: "small", test: SMALL, includeDependenciesRecursively: false },
          { name: "overlays", test: OVERLAYS, includeDependenciesRecursively: false },
        ] } } },
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
    // No test is about time: a slow machine is no failure.
    testTimeout: 60_000,
    env: { TZ: "Europe/Berlin" },
  },
});
