import { screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { stopsOf } from "~/features/lifecycle/DeleteModel";
import { ModelDialog, type ModelQuestion } from "~/features/lifecycle/ModelDialog";
import type { Model } from "~/features/models/models";

import { answer, show } from "../../render";
import { model, place } from "./samples";

afterEach(() => vi.restoreAllMocks());

const [OLD, NEW] = ["1".repeat(64), "2".repeat(64)];
const DONE = answer({ model: "tiny:latest", upstreams: ["attic"], failed: {} });

function open(about: Model, question: ModelQuestion) {
  const closed = vi.fn();
  const { user } = show(<ModelDialog model={about} question={question} onClose={closed} />);
  return { user, closed, remove: vi.spyOn(api, "DELETE").mockResolvedValue(DONE), post: vi.spyOn(api, "POST").mockResolvedValue(DONE) };
}

it("deletes at one upstream, or all", async () => {
  const both = model({ places: [place(), place({ upstream: "rack" })] });
  const { user, remove, closed } = open(both, { is: "delete", upstream: "rack" });
  expect(screen.getByText("Requests for it go to attic.")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Delete tiny:latest" }));
  expect(remove).toHaveBeenCalledWith("/admin/models/{name}", { params: { path: { name: "tiny:latest" }, query: { upstream: "rack" } } });
  expect(closed).toHaveBeenCalled();
});

it("deletes what is in use only by force", async () => {
  const { user, remove } = open(model({ places: [place({ running: 2 })] }), { is: "delete", upstream: "" });
  const button = screen.getByRole("button", { name: "Delete tiny:latest" });
  expect(screen.getByText("2 requests run on it now, and would fail.")).toBeTruthy();
  expect(button).toHaveProperty("disabled", true);
  await user.click(screen.getByLabelText("Delete it all the same"));
  await user.click(button);
  expect(remove).toHaveBeenCalledWith("/admin/models/{name}", { params: { path: { name: "tiny:latest" }, query: { force: true } } });
});

it("offers force where the gateway knows of requests that the list did not", async () => {
  const { user, remove, closed } = open(model(), { is: "delete", upstream: "" });
  const inUse = { error: { error: { message: "It is in use.", code: "model_in_use", param: null } }, response: new Response(null, { status: 409 }) };
  remove.mockResolvedValueOnce(inUse as never);
  expect(screen.queryByLabelText("Delete it all the same")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Delete tiny:latest" }));
  expect((await screen.findByRole("alert")).textContent).toBe("It is in use.");
  await user.click(screen.getByLabelText("Delete it all the same"));
  await user.click(screen.getByRole("button", { name: "Delete tiny:latest" }));
  expect(closed).toHaveBeenCalled();
});

it("says who is without the model", () => {
  const one = model({ aliases: ["best"] });
  expect(stopsOf(one, null)).toEqual([
    "Its files at attic are deleted. It can be pulled again.",
    "No one can use it any longer: no other upstream has it.",
    "Nor by best, unless that stands for another model, too.",
  ]);
  expect(stopsOf(model({ places: [place(), place({ upstream: "hub", managed: false })] }), null)).toContain("Requests for it go to hub.");
});

it("accepts the digest that the name has now", async () => {
  const changed = model({ pinned: { model: "tiny:latest", digest: OLD, loaded: true }, places: [place({ digest: NEW, changed: true })] });
  const { user, post } = open(changed, { is: "pin", accept: true });
  expect(screen.getByRole("note").textContent).toContain("now stands for 222222222222, not 111111111111");
  await user.click(screen.getByRole("button", { name: "Accept the digest" }));
  expect(post).toHaveBeenCalledWith("/admin/models/pin", { body: { model: "tiny:latest", digest: NEW, loaded: true } });
});

it("pins, changes a pin, and unpins where nothing is left of it", async () => {
  const { user, post } = open(model({ pinned: { model: "tiny:latest", digest: null, loaded: true } }), { is: "pin", accept: false });
  expect(screen.getByRole("button", { name: "Pin" })).toHaveProperty("disabled", true);
  await user.click(screen.getByLabelText("Keep it in memory"));
  await user.click(screen.getByRole("button", { name: "Unpin" }));
  expect(post).toHaveBeenCalledWith("/admin/models/unpin", { body: { model: "tiny:latest" } });
});

it("copies to a name without spaces", async () => {
  const { user, post } = open(model(), { is: "copy" });
  await user.type(screen.getByLabelText("New name"), "our model");
  expect(screen.getByRole("button", { name: "Copy" })).toHaveProperty("disabled", true);
  await user.clear(screen.getByLabelText("New name"));
  await user.type(screen.getByLabelText("New name"), "ours:v1");
  await user.click(screen.getByRole("button", { name: "Copy" }));
  expect(post).toHaveBeenCalledWith("/admin/models/copy", { body: { model: "tiny:latest", to: "ours:v1", upstream: null } });
});
