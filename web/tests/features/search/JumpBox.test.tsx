import { screen, waitFor } from "@testing-library/react";
import { useLocation } from "react-router";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { JumpBox } from "~/features/search/JumpBox";

import { answer, refusal, sessionOf, show } from "../../render";

const PAGES = [
  { to: "/admin/users", label: "Users" },
  { to: "/admin/calls", label: "Calls" },
];
const NONE = { name: null, prefix: null, user_id: null, status: null };
const closed = vi.fn();

function Where() {
  const { pathname, search } = useLocation();
  return <p data-testid="where">{pathname + search}</p>;
}

function open(role: "admin" | "user") {
  return show(
    <>
      <JumpBox pages={PAGES} onClose={closed} />
      <Where />
    </>,
    { session: sessionOf(role) },
  );
}

const where = () => screen.getByTestId("where").textContent;
const current = () => {
  const id = screen.getByRole("combobox", { name: "Jump to" }).getAttribute("aria-activedescendant");
  return id === null ? null : document.getElementById(id)?.textContent;
};

beforeEach(() => {
  vi.restoreAllMocks();
  closed.mockReset();
});

it("goes round the pages by the arrow keys, and to one by Enter", async () => {
  const { user } = open("admin");
  expect(current()).toBe("Users");
  await user.keyboard("{ArrowDown}");
  expect(current()).toBe("Calls");
  expect(screen.getByRole("option", { name: "Calls", selected: true })).toBeDefined();
  await user.keyboard("{ArrowDown}{ArrowUp}{ArrowUp}");
  expect(current()).toBe("Users");
  await user.keyboard("{ArrowUp}{Enter}");
  await waitFor(() => expect(where()).toBe("/admin/calls"));
  expect(closed).toHaveBeenCalledOnce();
});

it("waits at Enter for what is typed, and does not take what was found for less of it", async () => {
  const typed: string[] = [];
  vi.spyOn(api, "GET").mockImplementation((_path, init) => {
    const { q } = (init as unknown as { params: { query: { q: string } } }).params.query;
    typed.push(q);
    return Promise.resolve(answer({ data: [{ ...NONE, kind: "user", id: q === "bo" ? "bo-first" : "bob", status: "active" }] }));
  });
  const { user } = open("admin");
  await user.keyboard("bo");
  await screen.findByRole("option", { name: "bo-first" });
  await user.keyboard("b{Enter}");
  await waitFor(() => expect(where()).toBe("/admin/users/bob"));
  expect(typed).toEqual(["bo", "bob"]);
});

it("never sends a whole key", async () => {
  const asked = vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [{ ...NONE, kind: "key", id: "key_1", prefix: "sk-ann…ijkl", user_id: "ann" }] }));
  const { user } = open("admin");
  await user.click(screen.getByRole("combobox"));
  await user.paste("sk-ann-0123456789abcdefghijkl");
  await user.keyboard("{Enter}");
  await waitFor(() => expect(where()).toBe("/admin/users/ann?key=key_1"));
  expect(JSON.stringify(asked.mock.calls)).toContain("sk-ann…ijkl");
  expect(JSON.stringify(asked.mock.calls)).not.toContain("0123");
});

it("says that nothing was found, and what went wrong", async () => {
  const asked = vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [] }));
  const { user } = open("admin");
  await user.keyboard("zzz");
  await waitFor(() => expect(screen.getByRole("status").textContent).toContain("Nothing is called “zzz”"));
  expect(screen.queryAllByRole("option")).toEqual([]);
  await user.keyboard("{Enter}");
  expect(closed).not.toHaveBeenCalled();
  asked.mockResolvedValue(refusal(503, "The ledger is away."));
  await user.keyboard("y");
  await waitFor(() => expect(screen.getByRole("status").textContent).toBe("The ledger is away."));
  await user.keyboard("{Escape}");
  expect(closed).toHaveBeenCalledOnce();
});

it("leads users to their own keys and requests", async () => {
  const id = "req_019a1234000001020304050607";
  vi.spyOn(api, "GET").mockImplementation((path: unknown) =>
    Promise.resolve(
      answer(
        {
          "/v1/models": { data: [{ id: "tiny:latest" }] },
          "/me/keys": { data: [{ id: "key_1", prefix: "sk-ann…wxyz", name: null, status: "active" }] },
          "/v1/usage": { data: [{ request_id: id, model: "tiny:latest", status: "completed" }] },
        }[path as string],
      ),
    ),
  );
  const { user } = open("user");
  await user.keyboard("sk-ann");
  await screen.findByRole("option", { name: "sk-ann…wxyz" });
  await user.clear(screen.getByRole("combobox"));
  await user.keyboard("019a1234{Enter}");
  await waitFor(() => expect(where()).toBe(`/calls/${id}`));
});
