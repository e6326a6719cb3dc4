// @vitest-environment node
import { expect, it } from "vitest";

import type { Key } from "~/features/keys/keys";
import { groupsOfHits, groupsOfOwn, isRequestId, pagesNamed, withoutSecret } from "~/features/search/hits";

const NONE = { name: null, prefix: null, user_id: null, status: null };

it("leads to whatever was found, by kind", () => {
  const groups = groupsOfHits([
    { ...NONE, kind: "invoice", id: "inv_1", name: "TK-2026-000001", user_id: "ann", status: "paid" },
    { ...NONE, kind: "user", id: "ann@example.com", name: "Ann", status: "suspended" },
    { ...NONE, kind: "user", id: "bob", status: "active" },
    { ...NONE, kind: "team", id: "blue" },
    { ...NONE, kind: "key", id: "key_1", prefix: "sk-ann…wxyz", name: "laptop", user_id: "ann", status: "revoked" },
    { ...NONE, kind: "model", id: "library/tiny:1b" },
    { ...NONE, kind: "upstream", id: "gpu-1", status: "draining" },
    { ...NONE, kind: "request", id: "req_01", user_id: "ann", status: "failed" },
  ]);
  expect(groups.map(({ label, options }) => [label, ...options.map(({ label, note, to }) => [label, note ?? "", to])])).toEqual([
    ["Users", ["ann@example.com", "Ann · suspended", "/admin/users/ann%40example.com"], ["bob", "", "/admin/users/bob"]],
    ["Teams", ["blue", "", "/admin/teams/blue"]],
    ["Keys", ["sk-ann…wxyz", "laptop · of ann · revoked", "/admin/users/ann?key=key_1"]],
    ["Models", ["library/tiny:1b", "", "/admin/models/library%2Ftiny%3A1b"]],
    ["Upstreams", ["gpu-1", "draining", "/admin/upstreams/gpu-1"]],
    ["Requests", ["req_01", "ann · failed", "/admin/calls/req_01"]],
    ["Invoices", ["TK-2026-000001", "ann · paid", "/admin/billing/invoices/inv_1"]],
  ]);
});

it("leads users to what is their own", () => {
  const key = (id: string, prefix: string, name: string | null) => ({ id, prefix, name, status: "active" }) as Key;
  const keys = [key("key_1", "sk-ann…wxyz", "Laptop"), key("key_2", "sk-ann…0000", null)];
  const [ownKeys, models, requests] = groupsOfOwn("lap", { models: ["lapis:1b", "tiny"], keys, requests: [] });
  expect(ownKeys?.options.map(({ to }) => to)).toEqual(["/keys?key=key_1"]);
  expect(models?.options.map(({ to }) => to)).toEqual(["/calls?model=lapis%3A1b"]);
  expect(requests?.options).toEqual([]);
  expect(groupsOfOwn("sk-ann", { models: [], keys, requests: [] })[0]?.options).toHaveLength(2);
});

it("has all pages until something is typed", () => {
  const pages = [{ to: "/a", label: "Calls" }, { to: "/b", label: "Audit" }];
  expect(pagesNamed("", pages).options.map(({ to }) => to)).toEqual(["/a", "/b"]);
  expect(pagesNamed("AUD", pages).options.map(({ to }) => to)).toEqual(["/b"]);
});

it.each([
  ["sk-ann-0123456789abcdefghijkl", "sk-ann…ijkl"],
  ["sk-ann-0123", "sk-ann"],
  ["sk-a", "sk-a"],
  ["sk-ann…ijkl", "sk-ann…ijkl"],
  ["sk-ann...ijkl", "sk-ann...ijkl"],
  [" ann ", "ann"],
])("sends no more of a key than lists show: %s", (typed, sent) => {
  expect(withoutSecret(typed)).toBe(sent);
});

it.each([
  ["req_019a1234", true],
  ["REQ_019A1234", true],
  ["019a1234", true],
  ["chatcmpl-019a12340102030405060708090a", true],
  ["req_019", false],
  ["tiny", false],
  ["deadbee", false],
])("knows the beginning of the id of a request: %s", (text, is) => {
  expect(isRequestId(text)).toBe(is);
});
