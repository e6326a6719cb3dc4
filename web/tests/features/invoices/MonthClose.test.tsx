import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { MonthClose } from "~/features/invoices/MonthClose";

import { answer, refusal, sessionOf, show } from "../../render";
import { month } from "./samples";

const get = vi.spyOn(api, "GET");
const post = vi.spyOn(api, "POST");

beforeEach(() => {
  get.mockReset().mockResolvedValue(answer(month({ differences: [] })));
  post.mockReset().mockResolvedValue(answer({ month: "2026-10", issued: 3, already: 0, data: [] }));
});

const states = () => screen.getAllByRole("listitem").map((step) => step.getAttribute("data-state"));
const opened = (of = month()) => show(<MonthClose month={of} />, { session: sessionOf("admin") });
const finalizing = () => screen.getByRole("button", { name: "Finalize October 2026" });

it("goes from step to step, and issues nothing before it was verified", async () => {
  const { user } = opened();
  expect(states()).toEqual(["done", "next", "next", "waiting", "waiting"]);
  expect(finalizing()).toHaveProperty("disabled", true);
  await user.click(screen.getByRole("button", { name: "Verify" }));
  await vi.waitFor(() => expect(states()).toEqual(["done", "next", "done", "next", "waiting"]));
  expect(get).toHaveBeenCalledWith("/admin/months/{month}", { params: { path: { month: "2026-10" }, query: { verify: true } } });
  await user.click(finalizing());
  await user.click(screen.getByRole("button", { name: "Issue 3 invoices" }));
  await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(post).toHaveBeenCalledWith("/admin/invoices/finalize", { body: { month: "2026-10" } });
});

it("shows what differs, and lets nothing be issued", async () => {
  get.mockResolvedValue(answer(month({ differences: ["TK-2026-000001: line 3 differs"] })));
  const { user } = opened();
  await user.click(screen.getByRole("button", { name: "Verify" }));
  await screen.findByText("TK-2026-000001: line 3 differs");
  expect(states()[2]).toBe("blocked");
  expect(finalizing()).toHaveProperty("disabled", true);
});

it("waits for requests that are still running", () => {
  opened(month({ running: 2, ready: false }));
  expect(states().slice(0, 2)).toEqual(["blocked", "waiting"]);
  expect(screen.getAllByRole("listitem")[0]?.textContent).toContain("2 requests");
  expect(finalizing()).toHaveProperty("disabled", true);
});

it("cannot close a month that has not ended", () => {
  opened(month({ ended: false, ready: false }));
  expect(states()).toEqual(["waiting", "waiting", "waiting", "waiting", "waiting"]);
  expect(screen.getAllByRole("listitem")[0]?.textContent).toContain("has not ended");
});

it("says what was refused, and stays open", async () => {
  post.mockResolvedValue(refusal(409, "Requests are still running."));
  const { user } = opened();
  await user.click(screen.getByRole("button", { name: "Verify" }));
  await vi.waitFor(() => expect(finalizing()).toHaveProperty("disabled", false));
  await user.click(finalizing());
  await user.click(screen.getByRole("button", { name: "Issue 3 invoices" }));
  expect((await screen.findByRole("alert")).textContent).toBe("Requests are still running.");
});

it("is done when all are paid, and hands on what was issued", () => {
  opened(month({ open: 0, open_usd: "0", paid: 3, total_usd: "12.50" }));
  expect(states()).toEqual(["done", "done", "next", "done", "done"]);
  expect(screen.queryByRole("button", { name: "Finalize October 2026" })).toBeNull();
  expect(screen.getByRole("link", { name: "All as ZIP" }).getAttribute("href")).toBe("/admin/invoices.zip?month=2026-10");
  expect(screen.getByRole("link", { name: "Lines as CSV" }).getAttribute("href")).toBe("/admin/invoices.csv?month=2026-10");
});

it("asks for the payment of invoices by which something is to be paid, and of no others", () => {
  opened(month({ open: 0, open_usd: "0", finalized: 3, unpaid: 1, total_usd: "12.50" }));
  const sent = screen.getAllByRole("listitem").at(-1);
  expect(sent?.textContent).toContain("1 invoice is not paid yet");
  expect(screen.getByRole("link", { name: "Show only unpaid" }).getAttribute("href")).toBe("/?status=unpaid");
});

it("is done when nothing is to be paid", () => {
  opened(month({ open: 0, open_usd: "0", finalized: 3, total_usd: "0.00" }));
  expect(states().at(-1)).toBe("done");
  expect(screen.queryByRole("link", { name: "Show only unpaid" })).toBeNull();
});
