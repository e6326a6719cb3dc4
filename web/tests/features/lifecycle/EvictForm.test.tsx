import { screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { EvictForm } from "~/features/lifecycle/EvictForm";

import { answer, sessionOf, show } from "../../render";

beforeEach(() => {
  vi.stubGlobal("EventSource", class extends EventTarget {
    close = vi.fn();
  });
  vi.stubGlobal("BroadcastChannel", class extends EventTarget {
    postMessage = vi.fn();
    close = vi.fn();
  });
  Object.defineProperty(navigator, "locks", { configurable: true, value: { request: () => new Promise(() => undefined) } });
  vi.spyOn(api, "GET").mockImplementation(() => Promise.resolve(answer({ data: [], has_more: false, next: null })));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("shows what would be evicted before it is, and anew for other settings", async () => {
  const closed = vi.fn();
  const gone = { model: "tiny", upstream: "attic", last_used_at: null, error: null };
  const post = vi.spyOn(api, "POST").mockResolvedValue(answer({ how: "unload", after_seconds: 1, dry_run: true, evicted: [gone] }));
  const { user } = show(<EvictForm onClose={closed} />, { session: sessionOf("admin") });
  await user.click(await screen.findByRole("button", { name: "Show what would go" }));
  const week = { after_seconds: 604_800, how: "unload" };
  expect(post).toHaveBeenLastCalledWith("/admin/models/evict", { body: { ...week, dry_run: true } });
  expect((await screen.findByRole("group", { name: "What would go" })).textContent).toContain("tiny at attic, last used never");
  await user.type(screen.getByLabelText("Not used for"), "0");
  expect(screen.queryByText(/tiny at attic/)).toBeNull();
  await user.type(screen.getByLabelText("Not used for"), "{Backspace}");
  await user.click(await screen.findByRole("button", { name: "Unload 1 model" }));
  expect(post).toHaveBeenLastCalledWith("/admin/models/evict", { body: { ...week, dry_run: false } });
  await waitFor(() => expect(closed).toHaveBeenCalled());
});

it("does nothing where everything was used", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue(answer({ how: "unload", after_seconds: 1, dry_run: true, evicted: [] }));
  const { user } = show(<EvictForm onClose={vi.fn()} />, { session: sessionOf("admin") });
  await user.click(await screen.findByRole("button", { name: "Show what would go" }));
  expect(await screen.findByText(/Nothing is in memory/)).toBeTruthy();
  expect(screen.getByRole("button", { name: "Show what would go" })).toHaveProperty("disabled", true);
  expect(post).toHaveBeenCalledTimes(1);
});
