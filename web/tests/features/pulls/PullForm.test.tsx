import { screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { PullForm } from "~/features/pulls/PullForm";

import { answer, refusal, sessionOf, show } from "../../render";
import { job } from "./samples";

const UPSTREAMS = [
  { id: "attic", kind: "ollama", state: "active", health: {} },
  { id: "rack", kind: "ollama", state: "disabled", health: {} },
  { id: "hub", kind: "openai", state: "active", health: {} },
];

let upstreams: unknown[] = UPSTREAMS;

beforeEach(() => {
  upstreams = UPSTREAMS;
  vi.stubGlobal("EventSource", class extends EventTarget {
    close = vi.fn();
  });
  vi.stubGlobal("BroadcastChannel", class extends EventTarget {
    postMessage = vi.fn();
    close = vi.fn();
  });
  Object.defineProperty(navigator, "locks", { configurable: true, value: { request: () => new Promise(() => undefined) } });
  vi.spyOn(api, "GET").mockImplementation(() => Promise.resolve(answer({ data: upstreams, has_more: false, next: null })));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function openPull() {
  const pulling = vi.fn();
  const post = vi.spyOn(api, "POST").mockResolvedValue(answer(job({ id: "job_7" })));
  const { user } = show(<PullForm model="" onClose={vi.fn()} onPulling={pulling} />, { session: sessionOf("admin") });
  return { user, post, pulling };
}

it("pulls at every Ollama, or at one; other kinds are not offered", async () => {
  const { user, post, pulling } = openPull();
  await user.type(await screen.findByLabelText("Model"), " llama3.2:1b ");
  await user.click(screen.getByRole("button", { name: "Pull" }));
  expect(post).toHaveBeenCalledWith("/admin/models/pull", { body: { model: "llama3.2:1b", insecure: false } });
  await waitFor(() => expect(pulling).toHaveBeenCalled());
  await user.click(screen.getByRole("combobox", { name: "At" }));
  expect((await screen.findAllByRole("option")).map(({ textContent }) => textContent)).toEqual(["Every Ollama in use", "attic", "rack (disabled)"]);
  await user.click(screen.getByRole("option", { name: "attic" }));
  await user.click(screen.getByLabelText("Insecure registry"));
  await user.click(screen.getByRole("button", { name: "Pull" }));
  expect(post).toHaveBeenLastCalledWith("/admin/models/pull", { body: { model: "llama3.2:1b", insecure: true, upstream: "attic" } });
});

it("says that a name is none, why a pull was refused, and that there is nowhere to pull", async () => {
  const { user, post } = openPull();
  post.mockResolvedValue(refusal(409, "There are 100 jobs."));
  await user.type(await screen.findByLabelText("Model"), "two words");
  expect(screen.getByText(/A name has no spaces/)).toBeTruthy();
  expect(screen.getByRole("button", { name: "Pull" })).toHaveProperty("disabled", true);
  await user.clear(screen.getByLabelText("Model"));
  await user.type(screen.getByLabelText("Model"), "tiny{Enter}");
  expect((await screen.findByRole("alert")).textContent).toBe("There are 100 jobs.");
});

it("leads to the upstreams where there is no Ollama", async () => {
  upstreams = UPSTREAMS.slice(2);
  const { user } = openPull();
  await user.type(await screen.findByLabelText("Model"), "tiny");
  expect(await screen.findByRole("link", { name: "Upstreams" })).toBeTruthy();
  expect(screen.getByRole("button", { name: "Pull" })).toHaveProperty("disabled", true);
});
