import { describe, expect, it } from "vitest";

import { filterOf, csvHref, shownInWords } from "~/features/calls/calls";
import { periodOf } from "~/ui/period";

const MONTH = periodOf(new URLSearchParams(), new Date("2026-11-20T12:00:00Z"));
const SPAN = { from: "2026-11-01T00:00:00.000Z", to: "2026-12-01T00:00:00.000Z" };

describe("filterOf", () => {
  it("reads every filter of the URL by the name the API has for it", () => {
    const params = new URLSearchParams({ user: "ann", model: "m:1", status: "failed", key: "key_1", period: "7d" });
    expect(filterOf(params, MONTH)).toEqual({ ...SPAN, user_id: "ann", model: "m:1", status: "failed", key_id: "key_1" });
  });

  it("reads where they were served, and a tag", () => {
    const params = { upstream: "local", endpoint: "/api/chat", tag: "project:blue" };
    expect(filterOf(new URLSearchParams(params), MONTH)).toEqual({ ...SPAN, ...params });
  });

  it("takes an empty team and an empty person for none", () => {
    const params = new URLSearchParams({ team: "", end_user: "" });
    expect(filterOf(params, MONTH, undefined, true)).toEqual({ ...SPAN, team: "", end_user: "" });
    expect(filterOf(params, MONTH)).toEqual({ ...SPAN, end_user: "" });
  });

  it("leaves out what is empty, and a status there is not", () => {
    expect(filterOf(new URLSearchParams({ user: "", status: "toString" }), MONTH)).toEqual(SPAN);
  });

  it("is about the page's own user, whatever the URL says", () => {
    expect(filterOf(new URLSearchParams({ user: "ann" }), MONTH, "bob")).toEqual({ ...SPAN, user_id: "bob" });
  });
});

describe("how many rows are shown", () => {
  const calls = (many: number) => Array.from({ length: many }, () => ({ endpoint: "/v1/chat/completions" }));
  const correction = { endpoint: "adjustment" };

  it.each([
    [calls(25), 25, "25 of 25 calls, newest first"],
    [[correction, ...calls(25)], 25, "25 of 25 calls and 1 correction, newest first"],
    [[...calls(48), correction, correction], 1203, "48 of 1,203 calls and 2 corrections, newest first"],
    [calls(1), 1, "1 of 1 call, newest first"],
    [[correction], 0, "0 of 0 calls and 1 correction, newest first"],
  ])("is never more calls than there are (%#)", (rows, all, words) => expect(shownInWords(rows, all)).toBe(words));
});

it("asks for the same calls as a file", () => {
  const href = csvHref(true, { ...SPAN, user_id: "a&b" });
  expect(href).toBe("/admin/usage.csv?from=2026-11-01T00%3A00%3A00.000Z&to=2026-12-01T00%3A00%3A00.000Z&user_id=a%26b");
  expect(csvHref(false, SPAN)).toMatch(/^\/v1\/usage\.csv\?/);
});
