import { screen, within } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import type { Key } from "~/features/keys/keys";
import { KeysTable } from "~/features/keys/KeysTable";
import { NO_LIMITS } from "~/features/limits/names";

import { answer, sessionOf, show } from "../../render";

afterEach(() => vi.restoreAllMocks());

it("says what each key has spent in the month of UTC, how often, and when it was last used", async () => {
  const key = {
    id: "key_1",
    name: "nightly",
    prefix: "sk-abc…wxyz",
    status: "active",
    created_at: "2026-11-01T00:00:00Z",
    expires_at: null,
    last_used_at: new Date(Date.now() - 200 * 60_000).toISOString(),
    acts_for: null,
    limits: NO_LIMITS,
    month: { requests: 1234, total_tokens: 9, cost_usd: "1.5" },
  } as unknown as Key;
  const unused = { ...key, id: "key_2", name: "spare", last_used_at: null, month: { requests: 0, total_tokens: 0, cost_usd: "0" } };
  vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [unused, key], has_more: false, next: null }));
  show(<KeysTable />, { session: sessionOf("user") });
  const table = await screen.findByRole("table", { name: "Keys" });
  const cells = (name: RegExp) => {
    const heads = within(table).getAllByRole("columnheader").map((head) => head.textContent);
    const row = within(table).getByRole("row", { name });
    const of = (label: string) => within(row).getAllByRole("cell")[heads.findIndex((head) => head.startsWith(label))]?.textContent;
    return ["Spend", "Requests", "Last used"].map(of);
  };
  await within(table).findByRole("row", { name: /nightly/ });
  within(table).getByRole("columnheader", { name: /^Spend\s*this month \(UTC\)$/ });
  expect(cells(/nightly/)).toEqual([expect.stringContaining("$1.50"), expect.stringMatching(/^1.2 k/), expect.stringMatching(/^3 hr/)]);
  expect(cells(/spare/)).toEqual([expect.stringMatching(/^\$0/), "0", "never"]);
});
