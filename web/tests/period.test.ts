import { describe, expect, it } from "vitest";

import { daysOf, hoursOf, periodOf } from "~/parts/period";

const now = new Date("2026-03-31T23:30:00Z");
const of = (query: string) => periodOf(new URLSearchParams(query), now);

describe("periods are spans of UTC", () => {
  it.each([
    ["period=today", "2026-03-31T00:00:00.000Z", "2026-04-01T00:00:00.000Z", "2026-03-30T00:00:00.000Z"],
    ["period=7d", "2026-03-25T00:00:00.000Z", "2026-04-01T00:00:00.000Z", "2026-03-18T00:00:00.000Z"],
    ["period=month", "2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"],
    ["", "2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"],
    ["period=custom&from=2025-12-30&to=2026-01-02", "2025-12-30T00:00:00.000Z", "2026-01-03T00:00:00.000Z", "2025-12-26T00:00:00.000Z"],
  ])("%s", (query, from, to, before) => {
    const found = of(query);
    expect([found.from, found.to, found.before.from]).toEqual([from, to, before]);
    expect(found.before.to).toBe(found.from);
  });

  it.each(["period=custom", "period=custom&from=2026-02-02&to=2026-02-01", "period=custom&from=x&to=y", "period=nonsense"])(
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
