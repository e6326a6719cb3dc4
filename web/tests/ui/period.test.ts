// @vitest-environment node
import { describe, expect, it } from "vitest";

import { daysOf, hoursOf, periodOf, spanOf } from "~/ui/period";

const now = new Date("2026-03-31T23:30:00Z");
const of = (query: string) => periodOf(new URLSearchParams(query), now);

describe("periods are spans of UTC", () => {
  it.each([
    ["period=today", "2026-03-31", "2026-04-01"],
    ["period=7d", "2026-03-25", "2026-04-01"],
    ["period=month", "2026-03-01", "2026-04-01"],
    ["", "2026-03-01", "2026-04-01"],
    ["period=custom&from=2025-12-30&to=2026-01-02", "2025-12-30", "2026-01-03"],
  ])("%s", (query, from, to) => {
    const found = of(query);
    expect([found.from, found.to]).toEqual([`${from}T00:00:00.000Z`, `${to}T00:00:00.000Z`]);
  });

  it.each([
    ["2026-11-20T12:29:30Z", "period=today", "2026-11-19T00:00", "2026-11-19T12:30", "yesterday until this time"],
    ["2026-11-20T12:29:30Z", "period=7d", "2026-11-07T00:00", "2026-11-13T12:30", "the same part of the 7 days before"],
    ["2026-11-20T12:29:30Z", "period=month", "2026-10-01T00:00", "2026-10-20T12:30", "the same days of last month"],
    ["2026-03-31T23:29:30Z", "period=month", "2026-02-01T00:00", "2026-03-01T00:00", "all of last month"],
    ["2026-11-20T12:29:30Z", "period=custom&from=2026-11-02&to=2026-11-03", "2026-10-31T00:00", "2026-11-02T00:00", "the 2 days before"],
    ["2026-11-20T12:29:30Z", "period=custom&from=2026-11-02&to=2026-11-02", "2026-11-01T00:00", "2026-11-02T00:00", "the day before"],
    ["2026-11-20T12:29:30Z", "period=custom&from=2026-11-19&to=2026-11-20", "2026-11-17T00:00", "2026-11-18T12:30", "the same part of the 2 days before"],
    ["2026-11-20T12:29:30Z", "period=custom&from=2026-11-19T13:00Z&to=2026-11-19T14:00Z", "2026-11-19T12:00", "2026-11-19T13:00", "the hour before"],
    ["2026-11-20T00:00:00Z", "period=today", "2026-11-19T00:00", "2026-11-19T00:01", "yesterday until this time"],
  ])("at %s %s is compared with as much of the span before", (at, query, from, to, words) => {
    const { before } = periodOf(new URLSearchParams(query), new Date(at));
    expect(before).toEqual({ from: `${from}:00.000Z`, to: `${to}:00.000Z`, words });
  });

  it.each([
    ["period=custom&from=2026-03-12&to=2026-03-18", "12–18 Mar"],
    ["period=custom&from=2026-03-12&to=2026-03-12", "12 Mar"],
    ["period=custom&from=2025-12-30&to=2026-01-02", "30 Dec 2025–2 Jan 2026"],
    ["period=custom&from=2026-03-12T13:00Z&to=2026-03-12T14:00Z", "12 Mar, 13:00–14:00"],
    // Which spaces stand around the dash is a choice of the ICU that the browser brings.
  ])("%s is written %s", (query, words) => expect(spanOf(of(query), now).replaceAll(/\s*–\s*/g, "–")).toBe(words));

  it.each(["period=custom", "period=custom&from=2026-02-02&to=2026-02-01", "period=custom&from=x&to=y", "period=custom&from=2026-02-02T13:00Z&to=2026-02-02T13:00Z", "period=nonsense"])(
    "%s falls back to this month",
    (query) => expect(of(query).name).toBe("month"),
  );

  it("names every day up to today, and none that lies ahead", () => {
    expect(daysOf(of("period=7d"), now)).toEqual([
      "2026-03-25",
      "2026-03-26",
      "2026-03-27",
      "2026-03-28",
      "2026-03-29",
      "2026-03-30",
      "2026-03-31",
    ]);
    expect(daysOf(of("period=month"), now)).toHaveLength(31);
  });

  it("names the hours of a day as the API does, across a change of daylight saving time", () => {
    const hours = hoursOf(periodOf(new URLSearchParams("period=custom&from=2026-03-29&to=2026-03-29"), now), now);
    expect(hours).toHaveLength(24);
    expect(hours[1]).toBe("2026-03-29T01:00:00Z");
  });
});
