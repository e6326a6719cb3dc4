import { describe, expect, it } from "vitest";

import { addUsd, cents, centsPlaces, change, compact, count, decimal, duration, exactUsd, millionths, mostPlaces, rate, relative, utc, utcDay } from "~/parts/format";

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
});

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
  ])("%d is %s", (value, shown) => expect(compact(value).join(" ")).toBe(shown));

  it("groups thousands", () => expect(count(1_234_567)).toBe("1,234,567"));

  it.each([
    [0, "0"],
    [0.04, "<0.1"],
    [0.4, "0.4"],
    [12.34, "12.3"],
    [123.4, "123"],
    [1234, "1.2k"],
  ])("a rate of %d is %s", (value, shown) => expect(rate(value).join("")).toBe(shown));

  it.each([
    [112, 100, "+12 %"],
    [50, 100, "−50 %"],
    [100, 100, "±0 %"],
    [5, 0, null],
  ])("from %d after %d", (now, before, said) => expect(change(now, before)).toBe(said));
});

describe("times", () => {
  const now = new Date("2026-11-20T12:00:00Z");

  it.each([
    ["2026-11-20T11:59:55Z", "now"],
    ["2026-11-20T11:59:30Z", "30 sec. ago"],
    ["2026-11-20T11:30:00Z", "30 min. ago"],
    ["2026-11-20T14:30:00Z", "in 2 hr."],
    ["2026-11-19T11:00:00Z", "yesterday"],
    ["2026-01-01T00:00:00Z", "1 Jan 2026"],
  ])("%s is %s", (at, said) => expect(relative(new Date(at), now)).toBe(said));

  it("shows UTC as such, whatever the time zone of the browser", () => {
    expect(utc(new Date("2026-11-20T12:05:59.123Z"))).toBe("2026-11-20 12:05:59.123 UTC");
    expect(utcDay("2026-11-20")).toBe("20 Nov");
  });

  it.each([
    [430, "430 ms"],
    [2100, "2.1 s"],
    [59_960, "1 min 0 s"],
    [185_000, "3 min 5 s"],
    [7_500_000, "2 h 5 min"],
  ])("%d ms is %s", (ms, said) => expect(duration(ms)).toBe(said));
});
