import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const gateway = process.env["TOLLKEEPER_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/ui/",
  plugins: [react()],
  resolve: { tsconfigPaths: true },
  // The gateway puts a fresh nonce in its place into each answer: src/tollkeeper/portal.
  html: { cspNonce: "__NONCE__" },
  build: {
    outDir: "../src/tollkeeper/portal/assets",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
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
    env: { TZ: "Europe/Berlin" },
  },
});
