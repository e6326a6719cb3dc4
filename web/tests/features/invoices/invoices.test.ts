// @vitest-environment node
import { expect, it, vi } from "vitest";

vi.stubGlobal("window", { location: { origin: "http://gateway" } });
const { amountOf, classWords, draftPath, fileHref, hasEnded, isSettled, payerWords, requestsHref, priceOf, stateWords, titleOf } = await import("~/features/invoices/invoices");

it("names an invoice by what it is", () => {
  expect(titleOf({ number: "TK-2026-000001", corrects: null, month: "2026-10" })).toBe("Invoice TK-2026-000001");
  expect(titleOf({ number: "TK-2026-000002", corrects: "TK-2026-000001", month: "2026-10" })).toBe("Credit note TK-2026-000002");
  expect(titleOf({ number: null, corrects: null, month: "2026-10" })).toBe("Draft for October 2026");
});

it("knows a payer by a user or a team", () => {
  expect(payerWords({ user_id: "alice" })).toBe("alice");
  expect(payerWords({ user_id: null, team_id: "blue" })).toBe("team blue");
  expect(draftPath("2026-10", { user_id: "a@b.c" })).toBe("/admin/billing/drafts/2026-10/user/a%40b.c");
  expect(draftPath("2026-10", { team_id: "blue", user_id: null })).toBe("/admin/billing/drafts/2026-10/team/blue");
});

it("finds the files of an invoice where its reader may read them", () => {
  expect(fileHref("inv_1", true, "csv")).toBe("/me/invoices/inv_1.csv");
  expect(fileHref("draft-2026-10-user-a b", false, "html")).toBe("/admin/invoices/draft-2026-10-user-a%20b.html");
});

it("says how much of what a line is, and for what its price is", () => {
  const tokens = { class: "input", tokens: 12, unit_price_usd_per_mtok: "0.05" };
  expect([amountOf(tokens), priceOf(tokens)]).toEqual([[12, ""], ["0.05", ""]]);
  const images = { class: "images", tokens: 0, units: 3, unit_price_usd: "0.04", unit_price_usd_per_mtok: null };
  expect([amountOf(images), priceOf(images)]).toEqual([[3, "images"], ["0.04", "each"]]);
  const reported = { class: "reported", tokens: 0, unit_price_usd_per_mtok: null };
  expect([amountOf(reported), priceOf(reported)]).toEqual([[0, ""], [null, ""]]);
  expect(classWords("cached_input")).toBe("Input from cache");
  expect(classWords("something_new")).toBe("something_new");
});

it("says what a month waits for", () => {
  const words = (ended: boolean, open: number, finalized: number, paid: number, unpaid = finalized) => stateWords({ ended, open, finalized, unpaid, paid });
  expect(words(false, 3, 0, 0)).toBe("running");
  expect(words(true, 3, 0, 0)).toBe("to be closed");
  expect(words(true, 1, 1, 1)).toBe("1 still open");
  expect(words(true, 0, 1, 1)).toBe("closed, not all paid");
  expect(words(true, 0, 0, 2)).toBe("closed and paid");
  // By invoices of $0 nothing is to be paid.
  expect(words(true, 0, 2, 1, 0)).toBe("closed and paid");
});

it("finds the requests behind an invoice", () => {
  expect(requestsHref("inv_1", true)).toBe("/me/invoices/inv_1/requests.csv");
  expect(requestsHref("draft-2026-10-user-a@b.c", false)).toBe("/admin/invoices/draft-2026-10-user-a%40b.c/requests.csv");
});

it("knows when a month is over, by UTC", () => {
  const end = new Date("2026-10-31T23:59:59.999Z");
  expect([hasEnded("2026-10", end), hasEnded("2026-09", end), hasEnded("2026-10", new Date("2026-11-01T00:00:00Z"))]).toEqual([false, true, true]);
});

it("knows by which invoices nothing is to be paid", () => {
  expect(["0.00", "-1.26", "0.01"].map((total) => isSettled({ total_usd: total }))).toEqual([true, true, false]);
});
