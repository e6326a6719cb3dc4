import { screen, within } from "@testing-library/react";
import { expect, it } from "vitest";

import { InvoiceView } from "~/features/invoices/InvoiceView";

import { show } from "../../render";
import { invoice, line } from "./samples";

it("says who owes what, for what, and what proves it", () => {
  show(<InvoiceView invoice={invoice()} />);
  const text = screen.getByRole("article", { name: "Invoice TK-2026-000123" }).textContent;
  for (const said of ["October 2026", "3 Nov 2026", "17 Nov 2026", "Alice & Sons", "GB123", "1,234,567", "$0.061728", "$0.06", "$0.06172835", "ab".repeat(32)]) {
    expect(text).toContain(said);
  }
});

it("rounds lines half to even, as the printed document does", () => {
  show(<InvoiceView invoice={invoice({ lines: [line({ cost_exact_usd: "0.0000005" }), line({ class: "output", cost_exact_usd: "0.0000015" })] })} />);
  const rows = within(screen.getByRole("table", { name: "Use of models" })).getAllByRole("row");
  expect(rows.map((row) => row.lastElementChild?.textContent)).toEqual(["Cost", "$0.000000", "$0.000002"]);
});

it("has late items, corrections, taxes and credit where there are some", () => {
  const late = { ...line(), month: "2026-09" };
  const adjustment = { id: "req_1", month: "2026-10", created_at: "2026-10-09T00:00:00.000Z", user_id: "alice", reason: "a refund", cost_exact_usd: "-0.5" };
  const tax = { name: "VAT", rate: "0.081", amount_usd: "0.04" };
  show(<InvoiceView invoice={invoice({ late: [late], adjustments: [adjustment], tax: [tax], credit_exact_usd: "0.25" })} />);
  expect(screen.getByRole("table", { name: "From earlier months" }).textContent).toContain("September 2026");
  expect(screen.getByRole("table", { name: "Corrections and refunds" }).textContent).toContain("a refund−$0.500000");
  const totals = screen.getByRole("table", { name: "Totals" }).textContent;
  expect(totals).toContain("VAT, 8.1 %$0.04");
  expect(totals).toContain("Less credit−$0.250000");
});

it("says that a draft is no bill", () => {
  show(<InvoiceView invoice={invoice({ number: null, status: "draft", issued_at: null, due_at: null, sha256: null, lines: [] })} />);
  const text = screen.getByRole("article").textContent;
  expect(text).toContain("not a bill yet");
  expect(text).toContain("Total so far");
  expect(text).toContain("No use of models");
  expect(text).not.toContain("SHA-256");
});

it("has a subtotal where taxes or credit follow it, exact as its parts", () => {
  const parts = { lines: [line({ cost_exact_usd: "0.1" }), line({ cost_exact_usd: "0.2" })], late: [{ ...line({ cost_exact_usd: "0.000003" }), month: "2026-09" }] };
  const adjustment = { id: "req_1", month: "2026-10", created_at: "2026-10-09T00:00:00.000Z", user_id: "alice", reason: "a refund", cost_exact_usd: "-0.05" };
  show(<InvoiceView invoice={invoice({ ...parts, adjustments: [adjustment], credit_exact_usd: "0.1" })} />);
  const rows = within(screen.getByRole("table", { name: "Totals" })).getAllByRole("row");
  expect(rows.map((row) => row.textContent).slice(0, 2)).toEqual(["Subtotal$0.250003", "Less credit−$0.100000"]);
});

it.each([
  [{ total_usd: "0.06" }, "To be paid", true],
  [{ total_usd: "0.00", total_exact_usd: "0" }, "Nothing to be paid", false],
  [{ total_usd: "-0.06", total_exact_usd: "-0.06", corrects: "TK-2026-000001" }, "Nothing to be paid: the amount has become credit", false],
  [{ total_usd: "0.00", total_exact_usd: "-0.0000067", corrects: "TK-2026-000001" }, "Nothing to be paid: the amount has become credit", false],
])("asks nobody to pay what is not owed: %o", (fields, said, due) => {
  show(<InvoiceView invoice={invoice(fields)} />);
  expect(screen.getByText(said)).toBeTruthy();
  expect(screen.queryByText("Due") !== null).toBe(due);
});

it("groups the thousands of prices, and has one minus sign", () => {
  show(<InvoiceView invoice={invoice({ lines: [line({ tokens: -12_345, unit_price_usd_per_mtok: "1500", cost_exact_usd: "-18.5175" })] })} />);
  const cells = within(screen.getByRole("table", { name: "Use of models" })).getAllByRole("cell");
  expect(cells.slice(3).map((cell) => cell.textContent.trim())).toEqual(["−12,345", "1,500.00", "−$18.517500"]);
});
