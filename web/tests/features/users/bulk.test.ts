import { afterEach, describe, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { type Bulk, bulkWords, undoChange } from "~/features/users/bulk";

import { answer } from "../../render";

afterEach(() => vi.restoreAllMocks());

const NOTHING: Bulk = { dry_run: true, changed: 0, unchanged: 0, changes: [], running: {}, over: {}, skipped: {} };

describe("a preview in words", () => {
  it("says what becomes of whom, and what stops", () => {
    const bulk = { ...NOTHING, changed: 3, unchanged: 1, running: { ann: 2, bob: 1 }, skipped: { root: "own_account" as const } };
    expect(bulkWords(bulk, { status: "suspended" })).toEqual([
      "3 users are suspended.",
      "1 user is so already.",
      "3 requests are running for ann, bob, which stop.",
      "Left as they are: root (your own account: you would lock yourself out).",
    ]);
  });

  it("says who is over a new limit at once, and names only some of many", () => {
    const over = Object.fromEntries(["a", "b", "c", "d", "e", "f", "g"].map((name) => [name, ["tokens_per_day"]]));
    const [first, second] = bulkWords({ ...NOTHING, changed: 7, over }, { limits: { tokens_per_day: 5 } });
    expect(first).toBe("7 users get tokens per day: 5.");
    expect(second).toMatch(/^Over a new limit at once: a \(tokens per day\), .* and 2 more\.$/);
  });

  it("names a template", () => {
    expect(bulkWords({ ...NOTHING, changed: 1 }, { limit_template: "students" })[0]).toContain("1 user gets the limits of the template students");
  });
});

it("undoes in parts that the gateway takes, and says who stays", async () => {
  const sent = vi.spyOn(api, "POST").mockResolvedValueOnce(answer({ changed: 2000, skipped: {} })).mockResolvedValueOnce(answer({ changed: 501, skipped: { u7: "changed_meanwhile" } }));
  const users = Object.fromEntries(Array.from({ length: 2501 }, (_, at) => [`u${at}`, 3]));
  const before = { status: "active" as const, limits: null };
  const changes = [
    { before, after: { status: "suspended" as const, limits: null }, users },
    { before: { status: null, limits: {} }, after: { status: null, limits: {} }, users: { last: 9 } },
  ];
  expect(await undoChange(changes)).toEqual({ changed: 2501, kept: 1 });
  const calls: unknown[][] = sent.mock.calls;
  const parts = calls.map(([, options]) => (options as { body: { changes: { users: object }[] } }).body.changes);
  expect(parts.map((groups) => groups.map((group) => Object.keys(group.users).length))).toEqual([[2000], [501, 1]]);
  expect(parts[0]?.[0]).not.toHaveProperty("after");
});
