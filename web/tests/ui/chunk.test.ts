import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { holdReload, mayReload, reloadOnceFor, servedBuild } from "~/ui/build";
import { Chunk } from "~/ui/chunk";

const page = (entry: string) => `<!doctype html><script type="module" nonce="x" crossorigin src="${entry}"></script>`;
const serves = (entry: string | null) =>
  vi.stubGlobal("fetch", () => (entry === null ? Promise.reject(new TypeError("Failed to fetch")) : Promise.resolve(new Response(page(entry)))));

beforeEach(() => {
  document.head.innerHTML = page("/ui/assets/index-a.js");
});
afterEach(() => vi.unstubAllGlobals());

describe("a chunk", () => {
  it("is fetched once, for all who ask", async () => {
    const fetch = vi.fn(() => Promise.resolve("code"));
    const chunk = new Chunk(fetch);
    await Promise.all([chunk.load(), chunk.load()]);
    await chunk.load();
    expect(chunk.read()).toEqual({ content: "code", failed: null, loading: false });
    expect(fetch).toHaveBeenCalledOnce();
  });

  it.each([
    ["the gateway does not answer", null, "unreachable"],
    ["the gateway has the same pages", "/ui/assets/index-a.js", "failed"],
    ["the gateway has other pages", "/ui/assets/index-b.js", "upgraded"],
  ])("that fails while %s says so, and comes when it is asked for again", async (_, entry, reason) => {
    serves(entry);
    const fetch = vi.fn(() => Promise.resolve("code")).mockRejectedValueOnce(new TypeError("Failed to fetch"));
    const chunk = new Chunk(fetch);
    await chunk.load();
    expect(chunk.read()).toEqual({ content: null, failed: { reason, served: entry, times: 1 }, loading: false });
    await chunk.load();
    expect(chunk.read().content).toBe("code");
  });
});

describe("the build that is served", () => {
  it("is unknown where what answers is no page", async () => {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("Bad gateway", { status: 502 })));
    expect(await servedBuild()).toBeNull();
  });
});

describe("reloading", () => {
  const reload = vi.fn();

  beforeEach(() => {
    window.sessionStorage.clear();
    reload.mockClear();
    vi.stubGlobal("window", Object.create(window, { location: { value: { reload } } }));
  });

  it("is done once for each build", () => {
    expect([reloadOnceFor("b"), reloadOnceFor("b"), reloadOnceFor("c")]).toEqual([true, false, true]);
    expect(reload).toHaveBeenCalledTimes(2);
  });

  it("waits for what runs", () => {
    const [first, second] = [holdReload(), holdReload()];
    expect(mayReload()).toBe(false);
    first();
    expect(mayReload()).toBe(false);
    second();
    expect(mayReload()).toBe(true);
  });
});
