import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { MembersTable } from "~/features/users/MembersTable";

import { answer, sessionOf, show } from "../../render";

const row = (userId: string, more: object = {}) => ({
  user_id: userId, name: null, role: "user", status: "active", created_at: "", team: "blue", team_admin: false, address: null, tax_id: null,
  email: null, month: { requests: 0, total_tokens: 0, cost_usd: "0" }, last_seen_at: null, usage: {}, week: [], ...more,
});

beforeEach(() => {
  vi.restoreAllMocks();
  vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [row("ann"), row("boss", { team_admin: true })], total: 2, next: null }));
});

it("offers an admin of the team the limits of plain members only, and no pages of users", async () => {
  const limits = vi.fn();
  const { user } = show(<MembersTable teamId="blue" onLimits={limits} />, { session: sessionOf("user") });
  await user.click(await screen.findByLabelText("Edit the limits of ann"));
  expect(limits).toHaveBeenCalledWith("ann");
  expect(screen.queryByLabelText("Edit the limits of boss")).toBeNull();
  expect(screen.queryByRole("link")).toBeNull();
});

it("leads an admin to each member's page", async () => {
  show(<MembersTable teamId="blue" onLimits={vi.fn()} />, { session: sessionOf("admin") });
  expect((await screen.findByRole("link", { name: "ann" })).getAttribute("href")).toBe("/admin/users/ann");
  screen.getByLabelText("Edit the limits of boss");
});
