// @vitest-environment node
import { describe, expect, it } from "vitest";

import { addUsd, cents, centsPlaces, decimal, exactUsd, inLine, millionths, mostPlaces, negated, sixPlaces, usdTick } from "~/ui/format/money";

describe("money", () => {
  it.each([
    ["0", "$0.00"],
    ["0.000000000000", "$0.00"],
    ["0.000000000001", "$0.000000000001"],
    ["0.004999", "$0.005"],
    ["0.00004355", "$0.000044"],
    ["0.00996", "$0.01"],
    ["0.00994", "$0.0099"],
    ["0.0000995", "$0.0001"],
    ["0.00123456", "$0.0012"],
    ["0.005", "$0.005"],
    ["0.005000", "$0.005"],
    ["-0.00004355", "−$0.000044"],
    ["0.0149", "$0.01"],
    ["1.995", "$2.00"],
    ["1234567.891", "$1,234,567.89"],
    ["-3.5", "−$3.50"],
    ["-0.000001", "−$0.000001"],
    ["9007199254740993.11", "$9,007,199,254,740,993.11"],
  ])("%s is %s to the cent", (exact, shown) => expect(cents(exact)).toBe(shown));

  it.each([
    ["0.000123", "$0.000123"],
    ["12", "$12.00"],
    ["-1234.5", "−$1,234.50"],
    ["0.100000000000", "$0.10"],
  ])("%s is %s exactly", (exact, shown) => expect(exactUsd(exact)).toBe(shown));

  it.each([
    ["0", "$0"],
    ["-0.000", "$0"],
    ["0.00004355", "$0.000044"],
    ["0.0000004", "<$0.000001"],
    ["-0.0000004", "−<$0.000001"],
    ["0.0000005", "$0.000001"],
    ["1234.5", "$1,234.500000"],
    ["-0.5", "−$0.500000"],
  ])("%s is %s to the millionth", (exact, shown) => expect(millionths(exact)).toBe(shown));

  it("rounds what is less than a cent as single calls are: a sum of one call is that call", () => {
    for (const exact of ["0.00004355", "0.000099"]) expect(cents(exact)).toBe(millionths(exact));
  });

  it.each([
    ["12.3", 2],
    ["0.00996", 2],
    ["0.00004355", 6],
  ])("%s has %d digits behind the point", (exact, places) => expect(centsPlaces(exact)).toBe(places));

  it("makes room in a column for the most digits that one of it has, and for cents where there is none", () => {
    expect(mostPlaces(["12", "0.00004355", "0.0012"])).toBe(6);
    expect(mostPlaces([])).toBe(2);
    expect(mostPlaces(undefined)).toBe(2);
  });

  it("adds without a float between", () => {
    expect(addUsd(["0.1", "0.2"])).toBe("0.3");
    expect(addUsd(["9007199254740993", "0.000000000001"])).toBe("9007199254740993.000000000001");
    expect(addUsd(["1", "-1.5"])).toBe("-0.5");
    expect(addUsd([])).toBe("0");
  });

  it("writes small figures of JSON as decimals", () => {
    expect(decimal(1e-7)).toBe("0.0000001");
    expect(decimal(12.5)).toBe("12.5");
    expect(decimal("0.50")).toBe("0.50");
  });

  it("writes single calls to the millionth, half up", () => {
    expect(millionths("0.0001235")).toBe("$0.000124");
    expect(millionths("0.0000004")).toBe("<$0.000001");
    expect(millionths("1234.5")).toBe("$1,234.500000");
    expect(millionths("0")).toBe("$0");
    expect(millionths("-0.5")).toBe("−$0.500000");
  });

  it.each([
    [0, "$0"],
    [-0.5, "−$0.50"],
    [-0.002, "−$0.002"],
    [0.00004357, "$0.0000436"],
    [0.015, "$0.015"],
    [0.00125, "$0.00125"],
    [0.1 + 0.2, "$0.30"],
    [12.5, "$12.50"],
  ])("writes %d as %s", (value, words) => expect(usdTick(value)).toBe(words));

  it("turns the sign of an amount", () => {
    expect(negated("0.5")).toBe("-0.5");
    expect(negated("-0.5")).toBe("0.5");
  });
});

it("writes six places, rounded half to even", () => {
  expect(["0.0000005", "0.0000015", "0.00000150001", "-0.0000005", "-12345.6", "0"].map(sixPlaces)).toEqual([
    "$0.000000", "$0.000002", "$0.000002", "$0.000000", "−$12,345.600000", "$0.000000",
  ]);
});

it("writes exact amounts below one another with as many places each", () => {
  expect(inLine(["0.006636", "0.0036", "-12", "0.010236"])).toEqual(["$0.006636", "$0.003600", "−$12.000000", "$0.010236"]);
  expect(inLine(["0", "1.5"])).toEqual(["$0.00", "$1.50"]);
});
