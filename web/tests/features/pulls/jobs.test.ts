import { expect, it } from "vitest";

import { phaseOf, withJob } from "~/features/pulls/jobs";

import { job, part } from "./samples";

it("takes its place in the list, or the first", () => {
  const list = [job({ id: "b" }), job({ id: "a" })];
  expect(withJob(list, job({ id: "a", state: "failed" })).map(({ id, state }) => [id, state])).toEqual([
    ["b", "running"],
    ["a", "failed"],
  ]);
  expect(withJob(list, job({ id: "c" })).map(({ id }) => id)).toEqual(["c", "b", "a"]);
});

it("is pulling while it is so at one upstream, and else waits or is in line", () => {
  const at = (...states: ("queued" | "running" | "waiting" | "failed")[]) => phaseOf(job({ upstreams: states.map((state) => part({ state })) }));
  expect(at("waiting", "running")).toBe("pulling");
  expect(at("waiting", "queued", "failed")).toBe("waiting");
  expect(at("queued", "failed")).toBe("in line");
  expect(phaseOf(job({ state: "cancelled" }))).toBe("cancelled");
});
