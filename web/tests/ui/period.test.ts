// @vitest-environment node
import { describe, expect, it } from "vitest";

import { clockOf, UTC } from "~/ui/clock";
import { columnAt, columnsOf, daysOf, haveWholeHours, inputOf, isOneDay, paramsOf, periodOf, spanOf, spanOfDays, spanOfInput } from "~/ui/period";

const now = new Date("2026-03-31T23:30:00Z");
const of = (query: string) => periodOf(new URLSearchParams(query), now, UTC);

// Which spaces stand around the dash is a choice of the ICU that the browser brings.
const plain = (text: string) => text.replaceAll(/\s*–\s*/g, "–");

describe("periods are spans of days", () => {
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
    ["2026-11-20T00:00:00Z", "period=today", "2026-11-19T00:00", "2026-11-19T00:01", "yesterday until this time"],
  ])("at %s %s is compared with as much of the span before", (at, query, from, to, words) => {
    const { before } = periodOf(new URLSearchParams(query), new Date(at), UTC);
    expect(before).toEqual({ from: `${from}:00.000Z`, to: `${to}:00.000Z`, words });
  });

  it.each([
    ["period=custom&from=2026-03-12&to=2026-03-18", "12–18 Mar"],
    ["period=custom&from=2026-03-12&to=2026-03-12", "12 Mar"],
    ["period=custom&from=2025-12-30&to=2026-01-02", "30 Dec 2025–2 Jan 2026"],
  ])("%s is written %s", (query, words) => expect(plain(spanOf(of(query), now, UTC))).toBe(words));

  it.each(["period=custom", "period=custom&from=2026-02-02&to=2026-02-01", "period=custom&from=x&to=y", "period=nonsense"])(
    "%s falls back to this month",
    (query) => expect(of(query).name).toBe("month"),
  );

  it("has a column for every day up to today, and for none that lies ahead", () => {
    const days = columnsOf(of("period=7d"), UTC, now);
    expect(days.map(({ label }) => label)).toEqual(["25 Mar", "26 Mar", "27 Mar", "28 Mar", "29 Mar", "30 Mar", "31 Mar"]);
    expect(days[6]).toEqual({ from: "2026-03-31T00:00:00.000Z", to: "2026-04-01T00:00:00.000Z", label: "31 Mar" });
    expect(columnsOf(of("period=month"), UTC, now)).toHaveLength(31);
  });
});

describe("long periods", () => {
  it.each([
    // What is still to come is left out first, then what is longest ago.
    ["from=1970-01-01&to=2100-01-01", "2021-03-28", "2026-04-01"],
    ["from=1970-01-01&to=2010-12-31", "2005-12-28", "2011-01-01"],
    ["from=2050-01-01&to=2100-01-01", "2050-01-01", "2055-01-05"],
    ["from=2022-01-01&to=2026-03-31", "2022-01-01", "2026-04-01"],
  ])("%s is at most five years", (query, from, to) => {
    const found = of(`period=custom&${query}`);
    expect([found.from, found.to]).toEqual([`${from}T00:00:00.000Z`, `${to}T00:00:00.000Z`]);
  });

  it("have a column for each month", () => {
    const columns = columnsOf(of("period=custom&from=1970-01-01&to=2100-01-01"), UTC, now);
    expect(columns).toHaveLength(61);
    expect(columns[0]).toEqual({ from: "2021-03-28T00:00:00.000Z", to: "2021-04-01T00:00:00.000Z", label: "Mar 2021" });
    expect(columns[60]?.label).toBe("Mar 2026");
    const KOLKATA = clockOf("Asia/Kolkata");
    const year = columnsOf(periodOf(new URLSearchParams({ period: "custom", ...spanOfDays("2025-01-01", "2025-12-31", KOLKATA) }), now, KOLKATA), KOLKATA, now);
    expect(year.map(({ from }) => from).slice(0, 2)).toEqual(["2024-12-31T18:30:00.000Z", "2025-01-31T18:30:00.000Z"]);
    expect(year).toHaveLength(12);
  });

  it("have one for each day up to 100 of them", () => {
    expect(columnsOf(of("period=custom&from=2025-12-22&to=2026-03-31"), UTC, now)).toHaveLength(100);
    expect(columnsOf(of("period=custom&from=2025-12-21&to=2026-03-31"), UTC, now)).toHaveLength(4);
  });
});

describe("days are those of the clock", () => {
  const KOLKATA = clockOf("Asia/Kolkata");
  const NEW_YORK = clockOf("America/New_York");
  const BERLIN = clockOf("Europe/Berlin");
  const at = new Date("2026-11-21T02:00:00Z");

  it.each([
    [NEW_YORK, "period=today", "2026-11-20T05:00", "2026-11-21T05:00", "2026-11-19T05:00", "2026-11-20T02:01"],
    [KOLKATA, "period=today", "2026-11-20T18:30", "2026-11-21T18:30", "2026-11-19T18:30", "2026-11-20T02:01"],
    // It begins before the clocks are set back, and is an hour longer than its days.
    [NEW_YORK, "period=month", "2026-11-01T04:00", "2026-12-01T05:00", "2026-10-01T04:00", "2026-10-21T02:01"],
  ])("%o %s", (clock, query, from, to, before, until) => {
    const found = periodOf(new URLSearchParams(query), at, clock);
    expect([found.from, found.to, found.before.from, found.before.to]).toEqual([from, to, before, until].map((moment) => `${moment}:00.000Z`));
  });

  it.each([
    ["2026-10-25", 25, ["00:00", "01:00", "02:00", "02:00", "03:00"]],
    ["2026-03-29", 23, ["00:00", "01:00", "03:00", "04:00", "05:00"]],
  ])("%s has %d hours, as clocks are changed", (day, hours, first) => {
    const span = spanOfDays(day, day, BERLIN);
    const period = periodOf(new URLSearchParams({ period: "custom", ...span }), at, BERLIN);
    expect([isOneDay(period), period.before.words]).toEqual([true, "the day before"]);
    const columns = columnsOf(period, BERLIN, at);
    expect(columns).toHaveLength(hours);
    expect(columns.slice(0, 5).map(({ label }) => label)).toEqual(first);
    expect(haveWholeHours(columns)).toBe(true);
  });

  it("has parts of an hour at the ends of a day whose midnight is half past", () => {
    const columns = columnsOf(periodOf(new URLSearchParams("period=today"), new Date("2026-11-20T18:29:00Z"), KOLKATA), KOLKATA, at);
    expect(columns).toHaveLength(25);
    expect(columns.slice(0, 2).map(({ label }) => label)).toEqual(["00:00", "00:30"]);
    expect(columns[24]).toEqual({ from: "2026-11-20T18:00:00.000Z", to: "2026-11-20T18:30:00.000Z", label: "23:30" });
  });

  it("knows where sums by the hour are enough", () => {
    const week = new URLSearchParams("period=7d");
    const [ofNewYork, ofKolkata] = [NEW_YORK, KOLKATA].map((clock) => columnsOf(periodOf(week, at, clock), clock, at)) as [never, never];
    expect([haveWholeHours(ofNewYork), haveWholeHours(ofKolkata)]).toEqual([true, false]);
    expect(columnAt(ofNewYork, Date.parse("2026-11-20T04:59:59Z"))).toBe(5);
    expect(columnAt(ofNewYork, Date.parse("2026-11-20T05:00:00Z"))).toBe(6);
    expect(columnAt(ofNewYork, Date.parse("2026-11-22T05:00:00Z"))).toBe(-1);
  });

  it("means the same on every clock once it is in a URL", () => {
    const chosen = periodOf(new URLSearchParams({ period: "custom", ...spanOfDays("2026-11-02", "2026-11-03", KOLKATA) }), at, KOLKATA);
    expect([chosen.from, chosen.to]).toEqual(["2026-11-01T18:30:00.000Z", "2026-11-03T18:30:00.000Z"]);
    expect(daysOf(chosen, KOLKATA)).toEqual({ first: "2026-11-02", last: "2026-11-03" });
    expect(plain(spanOf(chosen, at, KOLKATA))).toBe("2–3 Nov");
    const opened = periodOf(new URLSearchParams(paramsOf(chosen)), at, NEW_YORK);
    expect([opened.from, opened.to, opened.before.words]).toEqual([chosen.from, chosen.to, "the 48 hours before"]);
    expect(plain(spanOf(opened, at, NEW_YORK))).toBe("1 Nov, 13:30–3 Nov, 13:30");
  });

  it.each([
    ["2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z", "the hour before"],
    ["2026-11-20T11:30:00Z", "2026-11-20T13:00:00Z", "the 90 minutes before"],
  ])("compares %s to %s with %s", (from, to, words) => {
    const found = periodOf(new URLSearchParams({ period: "custom", from, to }), at, UTC);
    expect([found.from, found.before.to, found.before.words]).toEqual([from.replace("Z", ".000Z"), found.from, words]);
  });

  it("knows no span that ends before it begins", () => {
    expect(spanOfDays("2026-11-03", "2026-11-02", UTC)).toBeNull();
    expect(spanOfDays("", "2026-11-02", UTC)).toBeNull();
    expect(spanOfDays("2026-11-02", "2026-11-03", UTC)).toEqual({ from: "2026-11-02", to: "2026-11-03" });
  });
});

describe("a span with times", () => {
  const days = { from: "2026-11-20", fromTime: "", to: "2026-11-20", toTime: "" };

  it("is of days where no time is given, and of moments where one is", () => {
    expect(spanOfInput(days, UTC)).toEqual({ from: "2026-11-20", to: "2026-11-20" });
    expect(spanOfInput({ ...days, fromTime: "10:15", toTime: "10:45" }, UTC)).toEqual({ from: "2026-11-20T10:15:00.000Z", to: "2026-11-20T10:45:00.000Z" });
    expect(spanOfInput({ ...days, fromTime: "22:00" }, UTC)).toEqual({ from: "2026-11-20T22:00:00.000Z", to: "2026-11-21T00:00:00.000Z" });
    expect(spanOfInput({ ...days, toTime: "01:00" }, UTC)).toEqual({ from: "2026-11-20T00:00:00.000Z", to: "2026-11-20T01:00:00.000Z" });
    expect(spanOfInput({ ...days, fromTime: "10:15", toTime: "10:15" }, UTC)).toBe("reversed");
    expect(spanOfInput({ ...days, from: "1970-01-01" }, UTC)).toBe("too long");
    expect(spanOfInput({ ...days, from: "2021-11-17" }, UTC)).toEqual({ from: "2021-11-17", to: "2026-11-20" });
  });

  it("is shown in the form as it was given", () => {
    for (const input of [days, { ...days, fromTime: "10:15", toTime: "10:45" }, { ...days, fromTime: "22:00" }, { ...days, toTime: "01:00" }]) {
      const period = periodOf(new URLSearchParams({ period: "custom", ...(spanOfInput(input, UTC) as object) }), new Date("2026-11-25T12:00:00Z"), UTC);
      expect(inputOf(period, UTC)).toEqual(input);
    }
  });
});
