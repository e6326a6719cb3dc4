import { screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { ModelActions } from "~/features/lifecycle/ModelActions";
import type { Model } from "~/features/models/models";
import { NoticesContext } from "~/ui/useNotices";

import { answer, refusal, show } from "../../render";
import { model, place } from "./samples";

afterEach(() => vi.restoreAllMocks());

const LOADED = { memory_bytes: 1, gpu_memory_bytes: 0, until: null, context: null };

async function open(about: Model) {
  const pull = vi.fn();
  const notify = vi.fn();
  const { user } = show(
    <NoticesContext value={{ notify }}>
      <ModelActions model={about} onPull={pull} />
    </NoticesContext>,
  );
  await user.click(screen.getByRole("button", { name: `More to do with ${about.name}` }));
  const items = (await screen.findAllByRole("menuitem")).map(({ textContent }) => textContent);
  return { user, pull, notify, items };
}

it("offers what can be done with the model as it is", async () => {
  const { items, pull, user } = await open(model());
  expect(items).toEqual(["Details", "Load", "Pin", "Copy", "Pull again", "Delete"]);
  await user.click(screen.getByRole("menuitem", { name: "Pull again" }));
  expect(pull).toHaveBeenCalledWith("tiny:latest");
});

it("loads a model where it is not, and unloads it where it is", async () => {
  expect((await open(model({ places: [place({ loaded: LOADED }), place({ upstream: "rack" })] }))).items).toEqual(expect.arrayContaining(["Load", "Unload"]));
});

it("does not unload what is kept, and accepts a digest that is another", async () => {
  const kept = model({ places: [place({ loaded: LOADED, changed: true })], pinned: { model: "tiny:latest", digest: "2".repeat(64), loaded: true } });
  expect((await open(kept)).items).toEqual(["Details", "Accept the new digest", "Change the pin", "Copy", "Pull again", "Delete"]);
});

it("changes nothing at other kinds of upstream", async () => {
  expect((await open(model({ places: [place({ managed: false })] }))).items).toEqual(["Details"]);
});

it("says what came of it", async () => {
  const { user, notify } = await open(model());
  const post = vi.spyOn(api, "POST").mockResolvedValue(answer({ model: "tiny:latest", upstreams: ["attic"], failed: {} }));
  await user.click(screen.getByRole("menuitem", { name: "Load" }));
  expect(post).toHaveBeenCalledWith("/admin/models/load", { body: { model: "tiny:latest", upstream: null, keep_alive_seconds: 300 } });
  await waitFor(() => expect(notify).toHaveBeenCalledWith({ state: "good", text: "tiny:latest is in memory at attic." }));
  post.mockResolvedValue(refusal(502, "No upstream could load it."));
  await user.click(screen.getByRole("button", { name: "More to do with tiny:latest" }));
  await user.click(await screen.findByRole("menuitem", { name: "Load" }));
  await waitFor(() => expect(notify).toHaveBeenLastCalledWith({ state: "bad", text: "No upstream could load it." }));
});
