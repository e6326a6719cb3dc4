import { describe, expect, it } from "vitest";

import { canFilter, groupLabel, groupsOf, isGroup, rowWords, tagGroup, valueOf, valueWords } from "~/features/explorer/groups";

import { row } from "./samples";

describe("groups", () => {
  it("are of everyone for admins alone", () => {
    expect(groupsOf(true)).toEqual(expect.arrayContaining(["user", "team"]));
    expect(groupsOf(false)).not.toContain("user");
    expect(groupsOf(false)).not.toContain("team");
    expect([isGroup("tag:x", false), isGroup("tag:", false), isGroup("toString", true)]).toEqual([true, false, false]);
  });

  it("by a tag are written as the API writes them, and read by people", () => {
    const group = tagGroup("a:b,c%");
    expect(group).toBe("tag:a%3Ab%2Cc%25");
    expect(groupLabel(group)).toBe("Tag a:b,c%");
    expect(groupLabel("tag:%zz")).toBe("Tag %zz");
  });

  it("have their values in fields of their own", () => {
    const of = row({ user_id: "ann", key_id: null, tag: "blue", hour: "2026-11-19T13:00:00Z", end_user_id: "mia" });
    expect((["user", "key", "tag:project", "hour", "end_user"] as const).map((group) => valueOf(of, group))).toEqual(["ann", "", "blue", "2026-11-19T13:00:00Z", "mia"]);
  });

  it.each([
    ["day", "2026-11-19", "19 Nov"],
    ["hour", "2026-11-19T13:00:00Z", "19 Nov, 13:00"],
    ["status", "lost", "Lost"],
    ["status", "toString", "toString"],
    ["team", "", "no team"],
    ["tag:project", "", "without it"],
    ["model", "", "corrections"],
  ] as const)("of %s say %s in words", (group, value, words) => expect(valueWords(group, value)).toBe(words));

  it("by key say what people call it", () => {
    expect(rowWords({ key_id: "key_1", key_name: "laptop", key_prefix: "tk-a…9" }, "key")).toBe("“laptop” (tk-a…9)");
    expect(rowWords({ key_id: "key_1", key_name: null, key_prefix: "tk-a…9" }, "key")).toBe("tk-a…9");
    expect(rowWords({ key_id: "key_1", key_name: null, key_prefix: null }, "key")).toBe("key_1");
    expect(rowWords({ key_id: null, key_name: null, key_prefix: null }, "key")).toBe("no key");
    expect(rowWords({ key_id: "key_1", key_name: "laptop", key_prefix: "tk-a…9", model: "m" }, "model")).toBe("m");
  });

  it("by person say what their app calls them", () => {
    expect(rowWords({ end_user_id: "eu_1", end_user_value: "mia@school.example" }, "end_user")).toBe("mia@school.example");
    expect(rowWords({ end_user_id: "eu_1", end_user_value: null }, "end_user")).toBe("eu_1");
    expect(rowWords({ end_user_id: null, end_user_value: null }, "end_user")).toBe("nobody");
    expect(rowWords({ end_user_id: "eu_1", end_user_value: "mia@school.example", model: "m" }, "model")).toBe("m");
  });

  it("of nothing can be filtered by where the API can", () => {
    expect([canFilter("team", ""), canFilter("end_user", ""), canFilter("tag:x", ""), canFilter("key", ""), canFilter("key", "k")]).toEqual([true, true, true, false, true]);
  });
});
