import { cleanup, screen, within } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { InvoiceActions } from "~/features/invoices/InvoiceActions";

import { answer, refusal, sessionOf, show } from "../../render";
import { invoice } from "./samples";

const post = vi.spyOn(api, "POST");

beforeEach(() => {
  post.mockReset().mockResolvedValue(answer(invoice({ status: "paid" })));
});

const opened = (fields = {}, own = false) => show(<InvoiceActions invoice={invoice(fields)} own={own} />, { session: sessionOf(own ? "user" : "admin") });
const params = { path: { invoice_id: "inv_1" } };

it("prints, as the browser does", async () => {
  const print = vi.spyOn(window, "print").mockImplementation(() => undefined);
  const { user } = opened({}, true);
  await user.click(screen.getByRole("button", { name: "Print" }));
  expect(print).toHaveBeenCalledOnce();
});

it("lets a payer read and save, and change nothing", async () => {
  const { user } = opened({}, true);
  expect(screen.getByRole("link", { name: "CSV" }).getAttribute("href")).toBe("/me/invoices/inv_1.csv");
  expect(screen.queryByRole("button", { name: "Mark paid" })).toBeNull();
  await user.click(screen.getByRole("button", { name: "More" }));
  expect((await screen.findAllByRole("menuitem")).map((item) => item.textContent)).toEqual(["Open as a page to print", "Save the requests behind it as CSV"]);
  expect(screen.getByRole("menuitem", { name: /requests/ }).getAttribute("href")).toBe("/me/invoices/inv_1/requests.csv");
});

it("marks one paid, with what names the payment", async () => {
  const { user } = opened();
  await user.click(screen.getByRole("button", { name: "Mark paid" }));
  await user.type(await screen.findByLabelText("Reference"), " bank 4711 ");
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Mark paid" }));
  await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(post).toHaveBeenCalledWith("/admin/invoices/{invoice_id}/pay", { params, body: { reference: "bank 4711" } });
});

it("voids one for a reason, which must be given", async () => {
  const { user } = opened();
  await user.click(screen.getByRole("button", { name: "More" }));
  await user.click(await screen.findByRole("menuitem", { name: "Void" }));
  const action = await screen.findByRole("button", { name: "Void it for good" });
  expect(action).toHaveProperty("disabled", true);
  await user.type(screen.getByLabelText("Reason"), "wrong address");
  await user.click(action);
  await vi.waitFor(() => expect(post).toHaveBeenCalledWith("/admin/invoices/{invoice_id}/void", { params, body: { reason: "wrong address" } }));
});

it("offers a credit note for what is paid, and no void", async () => {
  const { user } = opened({ status: "paid" });
  await user.click(screen.getByRole("button", { name: "More" }));
  expect(await screen.findByRole("menuitem", { name: "Take back by a credit note" })).toBeTruthy();
  expect(screen.queryByRole("menuitem", { name: "Void" })).toBeNull();
});

it("says what was refused", async () => {
  post.mockResolvedValue(refusal(409, "This month has not ended."));
  const { user } = opened({ status: "draft", number: null });
  await user.click(screen.getByRole("button", { name: "Finalize" }));
  await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Finalize" }));
  expect((await screen.findByRole("alert")).textContent).toBe("This month has not ended.");
});

it("offers to finalize the draft of a month that is over, and of no other", () => {
  const draft = { number: null, status: "draft" as const };
  opened({ ...draft, month: "2026-01" });
  expect(screen.getByRole("button", { name: "Finalize" })).toBeTruthy();
  cleanup();
  opened({ ...draft, month: "9999-12" });
  expect(screen.queryByRole("button", { name: "Finalize" })).toBeNull();
});
