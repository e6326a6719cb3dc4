import { screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { AliasForm } from "~/features/models/AliasForm";

import { answer, sessionOf, show } from "../../render";

const model = (name: string) => ({ name, upstreams: ["attic"] });

function open() {
  const closed = vi.fn();
  vi.spyOn(api, "GET").mockImplementation(((path: string) =>
    Promise.resolve(path === "/admin/aliases" ? answer({}) : answer({ data: [model("big"), model("small")], has_more: false, next: null }))) as never);
  const put = vi.spyOn(api, "PUT").mockResolvedValue(answer({}));
  const { user } = show(<AliasForm alias={null} onClose={closed} />, { session: sessionOf("admin") });
  return { user, put, closed };
}

it("takes one model after another from the list", async () => {
  const { user, put, closed } = open();
  await user.type(await screen.findByLabelText("Alias"), "best");
  const box = screen.getByRole("combobox", { name: "Another model" });
  for (const name of ["small", "big"]) {
    await user.click(box);
    await user.click(await screen.findByRole("option", { name }));
    expect(box).toHaveProperty("value", "");
  }
  await user.click(screen.getByRole("button", { name: "Add the alias" }));
  await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  expect(put).toHaveBeenCalledWith("/admin/aliases", { body: { best: ["small", "big"] } });
});

it("takes a name that is typed, also one that was chosen before and left out", async () => {
  const { user, put } = open();
  await user.type(await screen.findByLabelText("Alias"), "best");
  const box = screen.getByRole("combobox", { name: "Another model" });
  await user.click(box);
  await user.click(await screen.findByRole("option", { name: "small" }));
  await user.click(screen.getByRole("button", { name: "Leave out small" }));
  await user.type(box, "small");
  expect(box).toHaveProperty("value", "small");
  await user.click(screen.getByRole("button", { name: "Add the alias" }));
  await vi.waitFor(() => expect(put).toHaveBeenCalledWith("/admin/aliases", { body: { best: ["small"] } }));
});
