import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { EndUsersPanel } from "~/features/endUsers/EndUsersPanel";

import { answer, show } from "../../render";

const MIA = { id: "eu_1", user_id: "app", value: "mia@example.org", status: "active", created_at: "2026-11-20T12:00:00Z", limits: { models: {}, allowed_models: null, alerts: null }, usage: {} };
const GONE = { ...MIA, id: "eu_2", value: null, status: "erased" };

beforeEach(() => {
  vi.restoreAllMocks();
});

function listed(...data: unknown[]) {
  return vi.spyOn(api, "GET").mockResolvedValue(answer({ data, next: null }));
}

it("is not there for a user whose keys act for nobody", async () => {
  const read = listed();
  show(<EndUsersPanel userId="app" />);
  await waitFor(() => {
    expect(read).toHaveBeenCalled();
  });
  expect(screen.queryByText("People behind the keys")).toBeNull();
});

it("shows whom the keys act for, and nothing to do with one that is erased", async () => {
  listed(MIA, GONE);
  show(<EndUsersPanel userId="app" />);
  const mia = within(await screen.findByRole("row", { name: /mia@example.org/ }));
  const gone = within(screen.getByRole("row", { name: /eu_2/ }));
  expect(mia.getAllByRole("button")).toHaveLength(3);
  expect(gone.queryAllByRole("button")).toHaveLength(0);
  expect(gone.getByRole("link", { name: "Calls for eu_2" }).getAttribute("href")).toBe("/admin/calls?user=app&end_user=eu_2");
});

it("blocks and lets in again with one click", async () => {
  listed(MIA);
  const changed = vi.spyOn(api, "PATCH").mockResolvedValue(answer({ ...MIA, status: "blocked" }));
  const { user } = show(<EndUsersPanel userId="app" />);
  await user.click(await screen.findByRole("button", { name: "Block mia@example.org" }));
  expect(changed).toHaveBeenCalledWith("/admin/end-users/{end_user_id}", { params: { path: { end_user_id: "eu_1" } }, body: { status: "blocked" } });
});

it("erases only after saying what stays", async () => {
  listed(MIA);
  const erased = vi.spyOn(api, "DELETE").mockResolvedValue(answer(GONE));
  const { user } = show(<EndUsersPanel userId="app" />);
  await user.click(await screen.findByRole("button", { name: "Erase mia@example.org" }));
  expect(erased).not.toHaveBeenCalled();
  expect(screen.getByText(/Their calls stay, as those of eu_1/)).toBeDefined();
  await user.click(screen.getByRole("button", { name: "Erase for good" }));
  expect(erased).toHaveBeenCalledWith("/admin/end-users/{end_user_id}", { params: { path: { end_user_id: "eu_1" } } });
});

it("searches where the gateway has them all", async () => {
  const read = listed(MIA);
  const { user } = show(<EndUsersPanel userId="app" />);
  await user.type(await screen.findByRole("textbox", { name: "Find a person" }), "noa");
  await waitFor(() => {
    expect(read).toHaveBeenLastCalledWith("/admin/users/{user_id}/end-users", {
      params: { path: { user_id: "app" }, query: { limit: 50, q: "noa" } },
    });
  });
});
