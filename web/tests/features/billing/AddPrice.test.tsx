import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { AddPrice } from "~/features/billing/AddPrice";

import { answer, refusal, sessionOf, show } from "../../render";

const put = vi.spyOn(api, "PUT");

beforeEach(() => {
  vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [], has_more: false, next: null }));
  put.mockReset().mockResolvedValue(answer({}));
});

async function filled() {
  const closed = vi.fn();
  const { user } = show(<AddPrice model="gpt-4o" onClose={closed} />, { session: sessionOf("admin") });
  await user.type(await screen.findByLabelText("Input"), "1");
  await user.type(screen.getByLabelText("Output"), "2");
  const submit = () => user.click(screen.getByRole("button", { name: "Add the price" }));
  return { user, submit, closed };
}

const PLAIN = { model: "gpt-4o", input_usd_per_mtok: "1", output_usd_per_mtok: "2" };

it("adds a price for all requests", async () => {
  const { submit, closed } = await filled();
  expect(screen.queryByLabelText("Of tier")).toBeNull();
  await submit();
  await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  expect(put).toHaveBeenCalledWith("/admin/prices", { body: PLAIN });
});

it("adds one for an upstream, a tier and long inputs", async () => {
  const { user, submit, closed } = await filled();
  await user.click(screen.getByRole("button", { name: "More" }));
  await user.type(screen.getByRole("combobox", { name: "At upstream" }), "azure-eu");
  await user.type(screen.getByLabelText("Of tier"), " priority ");
  await user.type(screen.getByLabelText("Above input tokens"), "200000");
  await submit();
  await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  const scope = { upstream: "azure-eu", tier: "priority", above_input_tokens: 200_000 };
  expect(put).toHaveBeenCalledWith("/admin/prices", { body: { ...PLAIN, ...scope } });
});

it("shows for which requests it is for as long as that is not all", async () => {
  const { user } = await filled();
  const more = screen.getByRole("button", { name: "More" });
  await user.click(more);
  await user.type(screen.getByLabelText("Of tier"), "flex");
  await user.click(more);
  expect(screen.getByLabelText("Of tier")).toHaveProperty("value", "flex");
  await user.clear(screen.getByLabelText("Of tier"));
  await user.click(more);
  expect(screen.queryByLabelText("Of tier")).toBeNull();
});

it("tells what was refused, and stays open", async () => {
  put.mockResolvedValue(refusal(422, "There is no price beside it."));
  const { submit, closed } = await filled();
  await submit();
  expect((await screen.findByRole("alert")).textContent).toBe("There is no price beside it.");
  expect(closed).not.toHaveBeenCalled();
});
