import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { NO_LIMITS } from "~/features/limits/names";
import { TemplatesPanel } from "~/features/limits/TemplatesPanel";
import { type Notice, NoticesContext } from "~/ui/useNotices";

import { answer, sessionOf, show } from "../../render";

const TEMPLATE = { id: "students", name: null, created_at: "2026-11-20T12:00:00.000Z", limits: { ...NO_LIMITS, requests_per_day: 5 } };
const notices: Notice[] = [];

beforeEach(() => {
  vi.restoreAllMocks();
  notices.length = 0;
  vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [TEMPLATE], next: null }));
});

function shown() {
  const to = vi.fn();
  const { user } = show(
    <NoticesContext value={{ notify: (notice) => notices.push(notice) }}>
      <TemplatesPanel shown="students" show={to} />
    </NoticesContext>,
    { session: sessionOf("admin") },
  );
  return { user, to };
}

it("asks before it deletes a template, and makes it again on undo", async () => {
  const removed = vi.spyOn(api, "DELETE").mockResolvedValue(answer(TEMPLATE));
  const made = vi.spyOn(api, "POST").mockResolvedValue(answer(TEMPLATE));
  const { user, to } = shown();
  await user.click(await screen.findByRole("button", { name: "Delete this template" }));
  await screen.findByText(/^students can no longer be applied to users\. Those who got its limits keep them/);
  expect(removed).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "Delete" }));
  await vi.waitFor(() => expect(to).toHaveBeenCalledWith("*"));
  notices[0]?.undo?.();
  const { id, name, limits } = TEMPLATE;
  await vi.waitFor(() => expect(made.mock.lastCall?.[1]).toMatchObject({ body: { id, name, limits } }));
});

it("names a template, and takes its name away", async () => {
  const changed = vi.spyOn(api, "PATCH").mockResolvedValue(answer({ ...TEMPLATE, name: "Students of 2026" }));
  const { user } = shown();
  await user.type(await screen.findByLabelText("Name"), " Students of 2026 ");
  await user.click(screen.getByRole("button", { name: "Save the name" }));
  await vi.waitFor(() => expect(changed.mock.lastCall?.[1]).toMatchObject({ body: { name: "Students of 2026" } }));
  expect(notices.map(({ text }) => text)).toEqual(["The template students is called Students of 2026."]);
});
