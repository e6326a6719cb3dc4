import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { CreditPanel, OwnCredit } from "~/features/invoices/Credit";

import { answer, sessionOf, show } from "../../render";

const get = vi.spyOn(api, "GET");
const post = vi.spyOn(api, "POST");
const entry = { id: 1, user_id: "alice", team_id: null, at: "2026-11-20T12:00:00.000Z", kind: "granted", amount_usd: "5", balance_usd: "5", reason: "prepaid", by: "boss", invoice_id: null };

beforeEach(() => {
  get.mockReset().mockResolvedValue(answer({ data: [entry], balance_usd: "5", has_more: false, next: null }));
  post.mockReset().mockResolvedValue(answer({ ...entry, balance_usd: "3.75" }));
});

it("adds credit, and takes some back", async () => {
  const { user } = show(<CreditPanel kind="user" id="alice" />, { session: sessionOf("admin") });
  await screen.findByText("Credit: $5.00");
  await user.click(screen.getByRole("button", { name: "Add credit" }));
  await user.click(await screen.findByText("Take back"));
  await user.type(screen.getByLabelText("Amount in US dollars"), "1.25");
  await user.type(screen.getByLabelText("Reason"), "too much");
  await user.click(screen.getByRole("button", { name: "Take back $1.25" }));
  await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(post).toHaveBeenCalledWith("/admin/credits", { body: { user_id: "alice", amount_usd: "-1.25", reason: "too much" } });
});

it("takes no amount that is none", async () => {
  const { user } = show(<CreditPanel kind="team" id="blue" />, { session: sessionOf("admin") });
  await user.click(screen.getByRole("button", { name: "Add credit" }));
  await user.type(await screen.findByLabelText("Amount in US dollars"), "1e3");
  await user.type(screen.getByLabelText("Reason"), "x");
  expect(screen.getByRole("button", { name: "Enter it" })).toHaveProperty("disabled", true);
});

it("is not there where one never had any", async () => {
  get.mockResolvedValue(answer({ data: [], balance_usd: "0", has_more: false, next: null }));
  show(<OwnCredit />, { session: sessionOf("user") });
  await vi.waitFor(() => expect(get).toHaveBeenCalled());
  expect(screen.queryByRole("heading")).toBeNull();
});
