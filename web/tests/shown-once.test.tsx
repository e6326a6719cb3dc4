import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { NewUser } from "~/pages/admin/users/NewUser";
import { MakeKey } from "~/parts/KeyDialogs";
import { FIGURE_NAMES } from "~/parts/limits";

const NO_LIMITS = { ...Object.fromEntries(FIGURE_NAMES.map((name) => [name, null])), allowed_models: null, models: {} };
const KEY = "sk-ann-secret";
const closed = vi.fn();

beforeEach(() => {
  closed.mockReset();
  vi.restoreAllMocks();
});

function show(dialog: React.ReactNode) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <MemoryRouter>{dialog}</MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return userEvent.setup();
}

function answer(data: unknown) {
  return { data, response: new Response() } as never;
}

it("keeps a new key in view until its reader has it: neither Esc nor a cross takes it away", async () => {
  vi.spyOn(api, "POST").mockResolvedValue(answer({ api_key: KEY }));
  const user = show(<MakeKey onClose={closed} />);
  await user.click(screen.getByRole("button", { name: "Make the key" }));
  await screen.findByText(KEY);
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("button", { name: "Close" })).toBeNull();
  expect(closed).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "I have kept it" }));
  expect(closed).toHaveBeenCalledOnce();
});

it("cannot be left while the key is made, or it would be made unseen", async () => {
  let made: (value: never) => void = () => undefined;
  vi.spyOn(api, "POST").mockReturnValue(new Promise((resolve) => (made = resolve)));
  const user = show(<MakeKey onClose={closed} />);
  await user.click(screen.getByRole("button", { name: "Make the key" }));
  await user.keyboard("{Escape}");
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  expect(closed).not.toHaveBeenCalled();
  made(answer({ api_key: KEY }));
  await screen.findByText(KEY);
});

it("keeps a new user's key in view as well", async () => {
  vi.spyOn(api, "GET").mockImplementation((path) => Promise.resolve(answer(path === "/admin/limits/defaults" ? NO_LIMITS : { data: [] })));
  vi.spyOn(api, "POST").mockResolvedValue(answer({ user_id: "ann", role: "user", api_key: KEY }));
  const user = show(<NewUser opened close={closed} />);
  await user.type(await screen.findByLabelText("User id"), "ann");
  await user.click(screen.getByRole("button", { name: "Make the user" }));
  await screen.findByText(KEY);
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("button", { name: "Close" })).toBeNull();
  expect(closed).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "Done" }));
  await waitFor(() => expect(closed).toHaveBeenCalledOnce());
});
