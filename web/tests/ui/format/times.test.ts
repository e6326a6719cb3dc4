// @vitest-environment node
import { describe, expect, it } from "vitest";

import { clockOf, UTC } from "~/ui/clock";
import { duration, minute, monthWords, relative, timeOfDay, timestamp, utc, utcDay } from "~/ui/format/times";

describe("times", () => {
  const now = new Date("2026-11-20T12:00:00Z");

  it.each([
    ["2026-11-20T11:59:55Z", "now"],
    ["2026-11-20T11:59:30Z", "30 sec. ago"],
    ["2026-11-20T11:30:00Z", "30 min. ago"],
    ["2026-11-20T14:30:00Z", "in 2 hr."],
    ["2026-11-19T11:00:00Z", "yesterday"],
    ["2026-11-21T13:00:00Z", "tomorrow"],
    ["2026-11-22T00:00:00Z", "in 2 days"],
    ["2026-01-01T00:00:00Z", "1 Jan 2026"],
  ])("%s is %s", (at, said) => expect(relative(new Date(at), now, UTC)).toBe(said));

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

const KOLKATA = clockOf("Asia/Kolkata");

it("shows moments on the clock, naming UTC, with the year of another one", () => {
  const now = new Date("2026-11-20T12:00:00Z");
  expect(timestamp(new Date("2026-12-01T00:00:00Z"), UTC, now)).toBe("1 Dec, 00:00:00 UTC");
  expect(timestamp(new Date("2027-01-01T00:00:00Z"), UTC, now)).toBe("1 Jan 2027, 00:00 UTC");
  expect(timestamp(new Date("2026-12-31T18:29:59Z"), KOLKATA, now)).toBe("31 Dec, 23:59:59");
  expect(timestamp(new Date("2026-12-31T18:30:00Z"), KOLKATA, now)).toBe("1 Jan 2027, 00:00");
  expect([minute(now, KOLKATA), timeOfDay(now, KOLKATA)]).toEqual(["20 Nov, 17:30", "17:30:00"]);
});

it("counts days by the clock", () => {
  const [at, now] = [new Date("2026-11-20T19:00:00Z"), new Date("2026-11-22T01:00:00Z")];
  expect([relative(at, now, UTC), relative(at, now, KOLKATA)]).toEqual(["2 days ago", "yesterday"]);
});

it("writes months and days of UTC", () => {
  expect([monthWords("2026-10"), monthWords("2026-13"), monthWords("x")]).toEqual(["October 2026", "2026-13", "x"]);
  expect([utcDay("2026-11-03"), utcDay("2026-11-03", true)]).toEqual(["3 Nov", "3 Nov 2026"]);
});
