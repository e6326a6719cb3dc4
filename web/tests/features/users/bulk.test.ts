import { afterEach, describe, expect, it, type MockInstance, vi } from "vitest";

import { api } from "~/api/client";
import { type Bulk, bulkWords, changeUsers, undoChange } from "~/features/users/bulk";

import { answer, refusal } from "../../render";

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

/** What was sent, body by body. */
function bodiesOf(sent: MockInstance): unknown[] {
  return sent.mock.calls.map((call: unknown[]) => (call[1] as { body: unknown }).body);
}

/** The fields and entries of a body, as the gateway counts them. */
function valuesIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inside: unknown[] = Object.values(value);
  return inside.reduce((all: number, each) => all + 1 + valuesIn(each), 0);
}

function crowd(number: number, state = "3.1a9c"): Record<string, string> {
  return Object.fromEntries(Array.from({ length: number }, (_, at) => [`u${at}`, state]));
}

const ACTIVE = { status: "active" as const, limits: null };
const SUSPENDED = { status: "suspended" as const, limits: null };

it("changes those that the preview showed, in the states that it showed", async () => {
  const sent = vi.spyOn(api, "POST").mockResolvedValue(answer({ ...NOTHING, changed: 2 }));
  const changes = [
    { before: ACTIVE, after: SUSPENDED, users: { ann: "3.1" } },
    { before: { status: "active" as const, limits: {} }, after: SUSPENDED, users: { bob: "9.2" } },
  ];
  await changeUsers({ ...NOTHING, changed: 2, changes }, { status: "suspended" });
  expect(bodiesOf(sent)).toEqual([{ users: { ann: "3.1", bob: "9.2" }, change: { status: "suspended" }, dry_run: false }]);
});

it("undoes in parts that the gateway takes, and says who stays", async () => {
  const sent = vi
    .spyOn(api, "POST")
    .mockResolvedValueOnce(answer({ ...NOTHING, changed: 8000 }))
    .mockResolvedValueOnce(answer({ ...NOTHING, changed: 4001, skipped: { u7: "changed_meanwhile" } }));
  const changes = [
    { before: ACTIVE, after: SUSPENDED, users: crowd(12_000) },
    { before: { status: null, limits: {} }, after: { status: null, limits: {} }, users: { last: "9.1" } },
  ];
  const { changed, skipped } = await undoChange(changes);
  expect({ changed, skipped }).toEqual({ changed: 12_001, skipped: { u7: "changed_meanwhile" } });
  const groups = bodiesOf(sent).flatMap((body) => (body as { changes: { users: object }[] }).changes);
  expect(groups.map(({ users }) => Object.keys(users).length).reduce((all, one) => all + one)).toBe(12_001);
  expect(groups[0]).not.toHaveProperty("after");
});

it("divides users with limits of their own by what the gateway reads", async () => {
  const sent = vi.spyOn(api, "POST").mockResolvedValue(answer({ ...NOTHING, changed: 1 }));
  const many = Array.from({ length: 2000 }, (_, at) => ({
    before: { status: null, limits: { tokens_per_day: at, requests_per_day: at } },
    after: { status: null, limits: {} },
    users: { [`u${at}`]: "3.1a9c" },
  }));
  const names = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`${"ä".repeat(250)}${at}`, { tokens_per_day: 1 }]));
  const wide = Array.from({ length: 3 }, (_, at) => ({ before: { status: null, limits: { models: names } }, after: { status: null, limits: {} }, users: { [`w${at}`]: "1.1" } }));
  await undoChange([...many, ...wide]);
  const bodies = bodiesOf(sent);
  expect(bodies.length).toBeGreaterThan(3);
  for (const body of bodies) {
    expect(valuesIn(body)).toBeLessThanOrEqual(15_000);
    expect(new TextEncoder().encode(JSON.stringify(body)).length).toBeLessThanOrEqual(900_000);
  }
  expect(bodies.flatMap((body) => (body as { changes: unknown[] }).changes)).toHaveLength(2003);
});

it("says of whom a part that fails after others is about that they were not saved", async () => {
  vi.spyOn(api, "POST")
    .mockResolvedValueOnce(answer({ ...NOTHING, changed: 9000, changes: [{ before: ACTIVE, after: SUSPENDED, users: { u0: "4.1a9c" } }] }))
    .mockResolvedValueOnce(refusal(503, "The database cannot be used right now."));
  const done = await changeUsers({ ...NOTHING, changes: [{ before: ACTIVE, after: SUSPENDED, users: crowd(10_000) }] }, { status: "suspended" });
  expect(done.changes).toHaveLength(1);
  expect(new Set(Object.values(done.skipped))).toEqual(new Set(["not_saved"]));
  expect(bulkWords(done, { status: "suspended" }).join(" ")).toContain("could not be saved: try again");
});

it("fails where nothing was changed", async () => {
  vi.spyOn(api, "POST").mockResolvedValue(refusal(503, "The database cannot be used right now."));
  await expect(undoChange([{ before: ACTIVE, after: SUSPENDED, users: { ann: "3.1" } }])).rejects.toThrow("cannot be used");
});
