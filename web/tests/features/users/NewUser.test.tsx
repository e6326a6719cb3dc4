import { screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { FIGURE_NAMES } from "~/features/limits/names";
import { NewUser } from "~/features/users/NewUser";

import { answer, sessionOf, show } from "../../render";

const NO_LIMITS = { ...Object.fromEntries(FIGURE_NAMES.map((name) => [name, null])), alerts: null, allowed_models: null, models: {} };
const KEY = "sk-ann-secret";
const closed = vi.fn();

beforeEach(() => {
  closed.mockReset();
  vi.restoreAllMocks();
});

it("keeps a new user's key in view as well", async () => {
  vi.spyOn(api, "GET").mockImplementation((path) => Promise.resolve(answer(path === "/admin/limits/defaults" ? NO_LIMITS : { data: [] })));
  vi.spyOn(api, "POST").mockResolvedValue(answer({ user_id: "ann", role: "user", api_key: KEY }));
  const { user } = show(<NewUser opened close={closed} />, { session: sessionOf("admin") });
  await user.type(await screen.findByLabelText("User id"), "ann");
  await user.click(screen.getByRole("button", { name: "Make the user" }));
  await screen.findByText(KEY);
  await user.keyboard("{Escape}");
  expect(document.querySelector(".mantine-Modal-close")).toBeNull();
  expect(closed).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "Done" }));
  await waitFor(() => expect(closed).toHaveBeenCalledOnce());
});
