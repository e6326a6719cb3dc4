// @vitest-environment node
import { describe, expect, it } from "vitest";

import { heightScale, labelEvery, linePath, stack } from "~/ui/chart/geometry";

const HEIGHT = 220;

describe("a column", () => {
  it("stacks what is above nothing upward, and what is below it downward", () => {
    expect(stack([2, -1, 3, 0, -0.5])).toEqual([[0, 2], [0, -1], [2, 5], [5, 5], [-1, -1.5]]);
  });
});

describe("the heights", () => {
  it.each([
    [[0.03, -0.5], -0.6, 0.2],
    [[-0.5], -0.5, 0],
    [[], 0, 1],
    [[0, 0], 0, 1],
    [[3, 9.5], 0, 10],
  ])("of %o go from %d to %d", (ends, least, most) => {
    const [from, to] = heightScale(ends, HEIGHT).domain;
    expect(from).toBeCloseTo(least);
    expect(to).toBeCloseTo(most);
  });
});

it("leaves out labels that would touch their neighbours", () => {
  expect(labelEvery(7, 480)).toBe(1);
  expect(labelEvery(31, 480)).toBe(4);
  expect(labelEvery(31, 0)).toBe(31);
});

describe("a line", () => {
  it("goes from point to point", () => expect(linePath([[1, 2], [3.456, 4], [5, 6]])).toBe("M1.00,2.00L3.46,4.00L5.00,6.00"));
  it("begins again where nothing was known", () => expect(linePath([[1, 2], [3, 4], null, [5, 6], [7, 8]])).toBe("M1.00,2.00L3.00,4.00M5.00,6.00L7.00,8.00"));
  it("of one point is a dot", () => expect(linePath([null, [1, 2], null])).toBe("M1.00,2.00Z"));
  it("of none is nothing", () => expect(linePath([null])).toBe(""));
});
