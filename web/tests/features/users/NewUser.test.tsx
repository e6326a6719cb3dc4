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
  vi.spyOn(api, "GET").mockImplementation((path) => Promise.resolve(answer(path === "/admin/limits/defaults" ? NO_LIMITS : { data: [], next: null })));
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

const STUDENTS = { id: "students", name: "Students", created_at: "2026-11-20T12:00:00.000Z", limits: { ...NO_LIMITS, requests_per_day: 50 } };

/** The form, filled in for ann; what is sent to make her. */
async function formWith(templates: unknown[]) {
  const answers: Readonly<Record<string, unknown>> = { "/admin/limits/defaults": { ...NO_LIMITS, requests_per_day: 9 }, "/admin/limit-templates": { data: templates, next: null } };
  vi.spyOn(api, "GET").mockImplementation((path) => Promise.resolve(answer(answers[path] ?? { data: [] })));
  const post = vi.spyOn(api, "POST").mockResolvedValue(answer({ user_id: "ann", role: "user", api_key: KEY }));
  const { user } = show(<NewUser opened close={closed} />, { session: sessionOf("admin") });
  await user.type(await screen.findByLabelText("User id"), "ann");
  const sent = async () => {
    await user.click(screen.getByRole("button", { name: "Make the user" }));
    await screen.findByText(KEY);
    return (post.mock.calls[0] as unknown as [string, { body: Record<string, unknown> }])[1].body;
  };
  return { user, sent };
}

it("gives a new user the limits of a template, which may be changed for this one", async () => {
  const { user, sent } = await formWith([STUDENTS]);
  await user.click(screen.getByRole("combobox", { name: "Limit template" }));
  await user.click(await screen.findByRole("option", { name: "Students" }));
  expect(screen.getByText("those of Students")).toBeDefined();
  await user.click(screen.getByRole("button", { name: "Limits" }));
  const perDay = screen.getByLabelText("Requests per day");
  expect(perDay).toHaveProperty("value", "50");
  await user.clear(perDay);
  await user.type(perDay, "60");
  expect(screen.getByText("other than those of Students")).toBeDefined();
  expect(await sent()).toMatchObject({ user_id: "ann", limit_template: "students", limits: { requests_per_day: 60 } });
});

it("goes back to the limits of new users when the template is taken away", async () => {
  const { user, sent } = await formWith([STUDENTS]);
  await user.click(screen.getByRole("combobox", { name: "Limit template" }));
  await user.click(await screen.findByRole("option", { name: "Students" }));
  await user.click(screen.getByRole("combobox", { name: "Limit template" }));
  await user.click(await screen.findByRole("option", { name: "Students" }));
  expect(screen.getByText("those of new users")).toBeDefined();
  const body = await sent();
  expect([body["limit_template"], body["limits"]]).toEqual([undefined, undefined]);
});

it("offers no template where there is none", async () => {
  await formWith([]);
  expect(screen.queryByRole("combobox", { name: "Limit template" })).toBeNull();
});
