import { describe, expect, it } from "vitest";

import { chartOf, type Place, placesOf, unitOf } from "~/features/explorer/chart";
import type { Timeline } from "~/features/explorer/explorer";
import { UTC } from "~/ui/clock";
import { periodOf } from "~/ui/period";

import { NOW, row } from "./samples";

const DAYS = [
  { name: "2026-11-18", label: "18 Nov" },
  { name: "2026-11-19", label: "19 Nov" },
];
const day = (at: number, given: object) => row({ day: DAYS[at]?.name ?? "", ...given });
const durations = (p95: number) => ({ latency_ms: { p50: p95 / 2, p95 } });
const TIMELINE: Timeline = {
  unit: "day",
  group: "user",
  all: [day(0, { requests: 5, cost_usd: "0.3", ...durations(900) }), day(1, { requests: 7, cost_usd: "0.7" })],
  top: [
    { value: "ann", words: "Ann", rows: [day(0, { requests: 3, cost_usd: "0.1", ...durations(500) }), day(1, { requests: 7, cost_usd: "0.7" })] },
    { value: "bob", words: "Bob", rows: [day(0, { requests: 1, cost_usd: "0.2" })] },
  ],
};
const targets = ({ name }: Place) => ({ to: name, parts: [`${name} of ann`, `${name} of bob`] });
const color = (_: string, value: string, rank: number) => `${value} ${rank}`;

describe("the chart", () => {
  it("stacks the groups that have most, and all others on top", () => {
    const { kind, series, rows } = chartOf(TIMELINE, "requests", DAYS, color, targets);
    expect(kind).toBe("columns");
    expect(series.map(({ name }) => name)).toEqual(["Ann", "Bob", "All others"]);
    expect(series[0]?.color).toBe("ann 0");
    expect(rows.map(({ id, values }) => [id, ...values])).toEqual([
      ["2026-11-18", 3, 1, 1],
      ["2026-11-19", 7, 0, 0],
    ]);
  });

  it("opens what is under a click: the part of a group, or the whole place", () => {
    const [first] = chartOf(TIMELINE, "requests", DAYS, color, targets).rows;
    expect([first?.to, first?.parts]).toEqual(["2026-11-18", ["2026-11-18 of ann", "2026-11-18 of bob", "2026-11-18"]]);
    const alone = chartOf({ ...TIMELINE, group: null, top: [] }, "requests", DAYS, color, ({ name }) => ({ to: name, parts: [] }));
    expect(alone.rows[0]?.parts).toEqual(["2026-11-18"]);
  });

  it("sums the days of a month", () => {
    const months = [{ name: "2026-10", label: "October 2026" }, { name: "2026-11", label: "November 2026" }];
    const october = row({ day: "2026-10-02", requests: 9, refused: null });
    const timeline: Timeline = { ...TIMELINE, unit: "month", all: [october, ...TIMELINE.all] };
    const { rows } = chartOf(timeline, "requests", months, color, targets);
    expect(rows.map(({ id, values }) => [id, ...values])).toEqual([["2026-10", 0, 0, 9], ["2026-11", 10, 1, 1]]);
  });

  it("has no others where there are none, however floats add up", () => {
    expect(chartOf(TIMELINE, "cost_usd", DAYS, color, targets).series.map(({ name }) => name)).toEqual(["Ann", "Bob"]);
  });

  it("draws durations as lines, and a gap where none is known", () => {
    const { kind, series, rows } = chartOf(TIMELINE, "latency_p95", DAYS, color, targets);
    expect([kind, series.length]).toEqual(["lines", 2]);
    expect(rows.map(({ values }) => values)).toEqual([[500, Number.NaN], [Number.NaN, Number.NaN]]);
  });

  it("has one series where time is the only group", () => {
    const { series, rows } = chartOf({ ...TIMELINE, group: null, top: [] }, "requests", DAYS, color, targets);
    expect(series.map(({ name }) => name)).toEqual(["Requests"]);
    expect(rows.map(({ values }) => values)).toEqual([[5], [7]]);
  });
});

describe("its places", () => {
  const of = (search: string) => periodOf(new URLSearchParams(search), NOW, UTC);
  it("are days up to today", () => {
    expect(placesOf("day", of("period=7d"), NOW).map(({ label }) => label)).toEqual(["14 Nov", "15 Nov", "16 Nov", "17 Nov", "18 Nov", "19 Nov", "20 Nov"]);
  });
  it("are the hours of a day, up to now", () => {
    const hours = placesOf("hour", of("period=today"), NOW);
    expect(hours).toHaveLength(13);
    expect(hours[12]).toEqual({ name: "2026-11-20T12:00:00Z", label: "12:00" });
  });
  it("are named by their days where there are more", () => {
    const hours = placesOf("hour", of("period=custom&from=2026-11-18&to=2026-11-19"), NOW);
    expect(hours).toHaveLength(48);
    expect(hours[24]).toEqual({ name: "2026-11-19T00:00:00Z", label: "19 Nov, 00:00", tick: "19 Nov" });
    expect(hours[25]?.tick).toBe("");
  });
  it("begin where an hour of UTC does", () => {
    expect(placesOf("hour", { from: "2026-11-19T13:30:00Z", to: "2026-11-19T14:30:00Z" }, NOW).map(({ label }) => label)).toEqual(["13:00", "14:00"]);
  });
  it("are months where there are too many days, and few whatever the address says", () => {
    const ever = of("period=custom&from=1970-01-01&to=2100-01-01&group_by=hour");
    expect(unitOf(["hour"], "requests", ever)).toBe("month");
    const months = placesOf("month", ever, NOW);
    expect(months).toHaveLength(61);
    expect(months.at(-1)).toEqual({ name: "2026-11", label: "November 2026" });
    // Percentiles of days are not added up.
    expect(unitOf(["hour"], "latency_p95", ever)).toBe("day");
    expect(placesOf("day", ever, NOW)).toHaveLength(1830);
  });
  it.each([
    ["period=custom&from=2026-10-01&to=2026-10-31", "hour"],
    ["period=custom&from=2026-09-01&to=2026-10-31", "day"],
    ["period=custom&from=2025-01-01&to=2026-10-31", "day"],
    ["period=custom&from=2024-01-01&to=2026-10-31", "month"],
  ])("by hour of %s are each a %s", (search, unit) => {
    expect(unitOf(["hour", "user"], "cost_usd", of(search))).toBe(unit);
    expect(placesOf(unitOf(["hour"], "cost_usd", of(search)), of(search), NOW).length).toBeLessThanOrEqual(800);
  });
  it("say their year where there are several", () => {
    expect(placesOf("day", of("period=custom&from=2025-12-31&to=2026-01-01"), NOW).map(({ label }) => label)).toEqual(["31 Dec 2025", "1 Jan 2026"]);
  });
});
