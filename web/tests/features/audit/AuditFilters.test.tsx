import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { Component as Audit } from "~/pages/admin/Audit";

import { answer, sessionOf, show } from "../../render";

const ENTRY = { id: 7, at: "2026-11-20T12:00:00.000Z", actor: "ann", action: "user.limits", target: "bob", detail: {}, address: null };

beforeEach(() => {
  vi.restoreAllMocks();
  window.history.replaceState(null, "", "/");
});

it("asks for changes alone, and for sign-ins too by one switch", async () => {
  const asked = vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [ENTRY], next: null }));
  const { user } = show(<Audit />, { session: sessionOf("admin") });
  const query = () => (asked.mock.lastCall?.[1] as unknown as { params: { query: Record<string, unknown> } }).params.query;
  expect((await screen.findByRole("link", { name: "ann" })).getAttribute("href")).toBe("/admin/users/ann");
  expect(screen.getByRole("link", { name: "bob" }).getAttribute("href")).toBe("/admin/users/bob");
  expect(query()).toMatchObject({ class: "change" });
  expect(query()).toHaveProperty("from");
  await user.click(screen.getByLabelText("Sign-ins too"));
  await vi.waitFor(() => expect(query()).not.toHaveProperty("class"));
});

it("filters by what is typed, and says that nothing matches", async () => {
  const asked = vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [], next: null }));
  const { user } = show(<Audit />, { session: sessionOf("admin") });
  await screen.findByText("Nothing was changed in this time");
  await user.type(screen.getByLabelText(/^Who/), "nobody");
  await vi.waitFor(() => expect(asked.mock.lastCall?.[1]).toMatchObject({ params: { query: { actor: "nobody" } } }));
  await screen.findByText("No entry matches");
});
