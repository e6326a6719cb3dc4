import type { Invoice, InvoiceLine, Month } from "~/features/invoices/invoices";

export function line(fields: Partial<InvoiceLine> = {}): InvoiceLine {
  return {
    model: "llama3.2:1b",
    upstream: "default",
    price_id: 1,
    class: "input",
    tokens: 1_234_567,
    unit_price_usd_per_mtok: "0.05",
    cost_exact_usd: "0.06172835",
    ...fields,
  };
}

export function invoice(fields: Partial<Invoice> = {}): Invoice {
  return {
    id: "inv_1",
    number: "TK-2026-000123",
    payer: { user_id: "alice", name: "Alice & Sons", address: "1 Bridge St\nOxford", tax_id: "GB123" },
    seller: { name: "The Lab", address: null, tax_id: null },
    month: "2026-10",
    status: "finalized",
    issued_at: "2026-11-03T00:00:00.000Z",
    due_at: "2026-11-17T00:00:00.000Z",
    currency: "usd",
    lines: [line()],
    late: [],
    adjustments: [],
    credit_exact_usd: "0",
    tax: [],
    total_exact_usd: "0.06172835",
    total_usd: "0.06",
    corrects: null,
    chains: [{ journal: "local", seq: 42, hash: "cd".repeat(32) }],
    as_of: "2026-11-03T00:00:00.000Z",
    sha256: "ab".repeat(32),
    paid_at: null,
    reference: null,
    reason: null,
    ...fields,
  };
}

export function month(fields: Partial<Month> = {}): Month {
  return {
    month: "2026-10",
    ended: true,
    payers: 3,
    open: 3,
    finalized: 0,
    unpaid: 0,
    paid: 0,
    cost_usd: "12.5",
    open_usd: "12.5",
    total_usd: "0.00",
    ready: true,
    running: 0,
    journals_behind: [],
    differences: null,
    ...fields,
  };
}
