import { screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { CloseUser } from "~/features/users/CloseUser";
import { isErased, type UserRow } from "~/features/users/users";

import { answer, sessionOf, show } from "../../render";

const LEFT = "u_0123456789abcdef01234567";
const closed = vi.fn();
const erase = vi.fn();

function row(status: UserRow["status"]): UserRow {
  return { user_id: "ann", name: "Ann", status } as UserRow;
}

function open(status: UserRow["status"]) {
  vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [] }));
  vi.spyOn(api, "DELETE").mockImplementation((_path, init) => {
    erase(init);
    return Promise.resolve(answer({ user_id: LEFT, status: "closed" }));
  });
  return show(<CloseUser user={row(status)} opened onClose={closed} onClosed={vi.fn()} />, { session: sessionOf("admin") });
}

beforeEach(() => {
  closed.mockReset();
  erase.mockReset();
  vi.restoreAllMocks();
});

it("closes an account and keeps the person, unless told otherwise", async () => {
  const { user } = open("active");
  expect(screen.queryByText(/Backups and logs keep/)).toBeNull();
  await user.click(screen.getByRole("button", { name: "Close ann for good" }));
  await waitFor(() => expect(closed).toHaveBeenCalledOnce());
  expect(erase).toHaveBeenCalledWith({ params: { path: { user_id: "ann" }, query: { erase: false } } });
});

it("forgets the person, after it has said what goes and what stays", async () => {
  const { user } = open("active");
  await user.click(screen.getByRole("checkbox", { name: "Forget the person, too" }));
  screen.getByText(/Records and sums stay/);
  await user.click(screen.getByRole("button", { name: "Forget ann for good" }));
  await waitFor(() => expect(closed).toHaveBeenCalledOnce());
  expect(erase).toHaveBeenCalledWith({ params: { path: { user_id: "ann" }, query: { erase: true } } });
});

it("has only that to do with a closed account", async () => {
  const { user } = open("closed");
  expect(screen.queryByRole("checkbox")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Forget ann for good" }));
  await waitFor(() => expect(erase).toHaveBeenCalledWith({ params: { path: { user_id: "ann" }, query: { erase: true } } }));
});

it("tells who was forgotten already", () => {
  expect(isErased({ user_id: LEFT, status: "closed" })).toBe(true);
  expect(isErased({ user_id: LEFT, status: "active" })).toBe(false);
  expect(isErased({ user_id: "ann", status: "closed" })).toBe(false);
});
