// @vitest-environment node
import { describe, expect, it } from "vitest";

import { byteParts, change, compact, compactParts, count, rateParts } from "~/ui/format/numbers";

describe("counts", () => {
  it.each([
    [0, "0 "],
    [999, "999 "],
    [1000, "1.0 k"],
    [12_412, "12.4 k"],
    [999_949, "1.0 M"],
    [123_456_789, "123 M"],
    [2_500_000_000, "2.5 G"],
    [-12_412, "-12.4 k"],
  ])("%d is %s", (value, shown) => expect(compactParts(value).join(" ")).toBe(shown));

  it("are written in one piece", () => {
    expect(compact(12_412)).toBe("12.4 k");
    expect(compact(999)).toBe("999");
  });

  it("groups thousands", () => expect([count(1_234_567), count(-12_345)]).toEqual(["1,234,567", "−12,345"]));

  it.each([
    [0, "0"],
    [0.04, "<0.1"],
    [0.4, "0.4"],
    [12.34, "12.3"],
    [123.4, "123"],
    [1234, "1.2k"],
  ])("a rate of %d is %s", (value, shown) => expect(rateParts(value).join("")).toBe(shown));

  it.each([
    [112, 100, "+12 %"],
    [50, 100, "−50 %"],
    [100, 100, "±0 %"],
    [0, 100, "−100 %"],
    [1099, 100, "+999 %"],
    [1100, 100, "×11"],
    [558_437, 100, "×5,584"],
    [5, 0, "new"],
    [0, 0, null],
    [-50, -100, "+50 %"],
    [50, -100, null],
    [0, -100, "+100 %"],
  ])("from %d after %d", (now, before, said) => expect(change(now, before)).toBe(said));
});

describe("bytes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [99_949, "99.9 kB"],
    [500_000_000, "500 MB"],
    [999_949_999, "1.00 GB"],
    [1_321_098_329, "1.32 GB"],
    [42_520_000_000, "42.5 GB"],
  ])("%d are %s", (value, shown) => expect(byteParts(value).join(" ")).toBe(shown));
});
