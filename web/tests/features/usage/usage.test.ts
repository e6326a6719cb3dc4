import { waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { useUsage } from "~/features/usage/usage";
import { periodOf } from "~/ui/period";

import { answer, sessionOf, showHook } from "../../render";

const NOW = new Date("2026-11-20T12:00:00Z");
const MONTH = periodOf(new URLSearchParams(), NOW);
const TODAY = periodOf(new URLSearchParams("period=today"), NOW);

/** The paths and groups that were asked for, without their spans. */
let asked: string[] = [];

beforeEach(() => {
  asked = [];
  vi.spyOn(api, "GET").mockImplementation((path, ...given) => {
    const { query } = (given[0] as unknown as { params: { query: { from: string; group_by: string } } }).params;
    asked.push(`${String(path)} ${query.group_by}`);
    return Promise.resolve(answer({ data: [], total: { requests: query.from === MONTH.from ? 7 : 3 } }));
  });
});
afterEach(() => vi.restoreAllMocks());

describe("the usage of a period", () => {
  it("has its rows, and the sums of the period that it is compared with", async () => {
    const { result } = showHook(() => useUsage(MONTH), { session: sessionOf("user") });
    await waitFor(() => expect(result.current.before).toEqual({ requests: 3 }));
    expect(result.current.data?.total).toEqual({ requests: 7 });
    expect(asked).toEqual(["/v1/usage/summary day,model", "/v1/usage/summary model"]);
  });

  it("is by the hour where the period is one day", async () => {
    showHook(() => useUsage(TODAY), { session: sessionOf("user") });
    await waitFor(() => expect(asked[0]).toBe("/v1/usage/summary hour,model"));
  });

  it("is everyone's for admins, or that of the user named", async () => {
    showHook(() => useUsage(MONTH), { session: sessionOf("admin") });
    showHook(() => useUsage(MONTH, { userId: "bob" }), { session: sessionOf("admin") });
    await waitFor(() => expect(asked).toHaveLength(4));
    expect(asked).toContain("/admin/usage/summary day,model");
    expect(asked).toContain("/admin/users/{user_id}/usage/summary day,model");
  });

  it("has the rows of all pages", async () => {
    const pages: Record<string, unknown> = {
      first: { data: [{ model: "a" }], next: "1000", total: { requests: 2 } },
      "1000": { data: [{ model: "b" }], next: null, total: { requests: 2 } },
    };
    vi.spyOn(api, "GET").mockImplementation(((_: string, { params: { query } }: { params: { query: { after?: string } } }) =>
      Promise.resolve(answer(pages[query.after ?? "first"]))) as never);
    const { result } = showHook(() => useUsage(MONTH), { session: sessionOf("user") });
    await waitFor(() => expect(result.current.data?.data).toEqual([{ model: "a" }, { model: "b" }]));
    expect(result.current.data?.total).toEqual({ requests: 2 });
  });
});
