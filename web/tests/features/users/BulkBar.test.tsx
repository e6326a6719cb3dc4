import { screen, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { NO_LIMITS } from "~/features/limits/names";
import { BulkBar } from "~/features/users/BulkBar";
import { USERS } from "~/features/users/users";
import { Notices } from "~/ui/Notices";

import { answer, refusal, sessionOf, show } from "../../render";

const WHICH = { user_ids: ["ann", "bob"] };
const CHANGES = [{ before: { status: null, limits: {} }, after: { status: null, limits: {} }, users: { ann: "3.1", bob: "8.1" } }];
const DONE = { dry_run: false, changed: 2, unchanged: 0, changes: CHANGES, running: {}, over: {}, skipped: {} };

beforeEach(() => {
  const templates = [{ id: "students", name: "Students", limits: NO_LIMITS }];
  vi.spyOn(api, "GET").mockImplementation((path: string) => Promise.resolve(answer({ data: path === "/admin/limit-templates" ? templates : [], has_more: false, next: null })));
});
afterEach(() => vi.restoreAllMocks());

function begin() {
  const sent = vi.spyOn(api, "POST").mockResolvedValue(answer(DONE));
  const { user } = show(
    <Notices>
      <BulkBar which={WHICH} size={2} total={2} onAll={vi.fn()} onNone={vi.fn()} />
    </Notices>,
    { session: sessionOf("admin") },
  );
  return { user, sent, click: async (name: string) => user.click(await screen.findByRole("button", { name })) };
}

/** What was sent to a path, in its order. */
function bodies(sent: ReturnType<typeof begin>["sent"], path: string): unknown[] {
  const calls: unknown[][] = sent.mock.calls;
  return calls.filter(([to]) => to === path).map(([, options]) => (options as { body: unknown }).body);
}

it("sets limits of many users after a preview, and gives them back what they had", async () => {
  const { user, sent, click } = begin();
  await click("Set limits");
  await user.type(await screen.findByLabelText("Requests per day"), "50");
  await click("Preview");
  const dialog = await screen.findByRole("dialog");
  await within(dialog).findByText("2 users get requests per day: 50.");
  expect(bodies(sent, "/admin/users/bulk")).toEqual([{ ...WHICH, change: { limits: { requests_per_day: 50 } }, dry_run: true }]);
  await click("Change 2 users");
  await screen.findByText("2 users get requests per day: 50.", { selector: "[role=status] *" });
  expect(bodies(sent, "/admin/users/bulk")[1]).toEqual({ users: CHANGES[0]?.users, change: { limits: { requests_per_day: 50 } }, dry_run: false });
  await click("Undo");
  await screen.findByText("2 users are as before.");
  expect(bodies(sent, "/admin/users/bulk/undo")).toEqual([{ changes: [{ before: CHANGES[0]?.before, users: CHANGES[0]?.users }] }]);
});

it("applies a template after a preview, and gives users back what they had", async () => {
  const { user, sent, click } = begin();
  await click("Apply a template");
  await user.click(await screen.findByRole("combobox", { name: "Limit template" }));
  await user.click(await screen.findByRole("option", { name: "Students" }));
  await click("Preview");
  const dialog = await screen.findByRole("dialog");
  await within(dialog).findByText(/^2 users get the limits of the template students/);
  await click("Change 2 users");
  await vi.waitFor(() =>
    expect(bodies(sent, "/admin/users/bulk")).toEqual([
      { ...WHICH, change: { limit_template: "students" }, dry_run: true },
      { users: CHANGES[0]?.users, change: { limit_template: "students" }, dry_run: false },
    ]),
  );
  await click("Undo");
  await screen.findByText("2 users are as before.");
});

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
