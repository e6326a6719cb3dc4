// A test of plain functions says `@vitest-environment node` on top: setting a document up takes longer than most tests.
export {};

if ("window" in globalThis) await import("./document");
