import { expect, it } from "vitest";

import { doneNotice, evictionNotice } from "~/features/lifecycle/commands";

it("says where a command was followed, and why it was not elsewhere", () => {
  expect(doneNotice({ model: "tiny", upstreams: ["attic", "rack"], failed: {} }, "is in memory")).toEqual({ state: "good", text: "tiny is in memory at attic, rack." });
  expect(doneNotice({ model: "tiny", upstreams: ["attic"], failed: { rack: "It has no room." } }, "is in memory")).toEqual({
    state: "bad",
    text: "tiny is in memory at attic, but not at rack: It has no room.",
  });
});

it("counts what was evicted, and names what could not be", () => {
  const gone = { model: "tiny", upstream: "attic", last_used_at: null, error: null };
  expect(evictionNotice({ how: "unload", evicted: [gone] })).toEqual({ state: "good", text: "1 model is unloaded." });
  expect(evictionNotice({ how: "delete", evicted: [gone, gone, { ...gone, upstream: "rack", error: "It is gone." }] })).toEqual({
    state: "bad",
    text: "2 models are deleted, but not tiny at rack: It is gone.",
  });
});
