import { screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { BulkBar } from "~/features/users/BulkBar";
import { USERS } from "~/features/users/users";

import { answer, refusal, show } from "../../render";

afterEach(() => vi.restoreAllMocks());

const PREVIEW = {
  dry_run: true,
  changed: 1,
  unchanged: 0,
  changes: [{ before: { status: "active", limits: null }, after: { status: "suspended", limits: null }, users: { ann: "3.1" } }],
  running: {},
  over: {},
  skipped: {},
};

it("changes whom the preview showed, not whoever matches by then, and reads the list again even where that fails", async () => {
  const sent = vi.spyOn(api, "POST").mockResolvedValueOnce(answer(PREVIEW)).mockResolvedValueOnce(refusal(503, "Try again soon."));
  const { user, queries } = show(<BulkBar which={{ filter: { q: "a" } }} size={1} total={1} onAll={vi.fn()} onNone={vi.fn()} />);
  const refreshed = vi.spyOn(queries, "invalidateQueries");
  await user.click(screen.getByRole("button", { name: "Suspend" }));
  await user.click(await screen.findByRole("button", { name: "Change 1 user" }));
  await screen.findByText("Try again soon.");
  const bodies = sent.mock.calls.map((call: unknown[]) => (call[1] as { body: object }).body);
  expect(bodies[0]).toMatchObject({ filter: { q: "a" }, dry_run: true });
  expect(bodies[1]).toEqual({ users: { ann: "3.1" }, change: { status: "suspended" }, dry_run: false });
  expect(refreshed).toHaveBeenCalledWith({ queryKey: USERS });
});
