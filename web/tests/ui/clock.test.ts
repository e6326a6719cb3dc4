import { act, renderHook } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";

import { chooseClock, clockOf, dayAt, dayNamed, momentNamed, monthOf, nameOfDay, nameOfMoment, startOf, useClock, UTC, zoneNote } from "~/ui/clock";

afterEach(() => {
  chooseClock("here");
  vi.restoreAllMocks();
});

describe("days of a clock", () => {
  it.each([
    ["Asia/Kolkata", "2026-11-20", "2026-11-19T18:30"],
    ["Asia/Kathmandu", "2026-11-20", "2026-11-19T18:15"],
    ["America/New_York", "2026-11-01", "2026-11-01T04:00"],
    ["America/New_York", "2026-11-02", "2026-11-02T05:00"],
    ["Australia/Lord_Howe", "2026-10-05", "2026-10-04T13:00"],
    ["Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30"],
    // There is no midnight: the clock is set from 23:59 to 01:00; and there are two.
    ["Africa/Cairo", "2026-04-24", "2026-04-23T22:00"],
    ["America/Havana", "2026-11-01", "2026-11-01T04:00"],
    ["UTC", "2026-11-20", "2026-11-20T00:00"],
  ])("in %s %s begins at %s", (zone, day, at) => {
    const clock = clockOf(zone);
    const start = startOf(dayNamed(day), clock);
    expect(new Date(start).toISOString()).toBe(`${at}:00.000Z`);
    expect([dayAt(start - 1, clock), dayAt(start, clock)].map(nameOfDay)).toEqual([nameOfDay(dayNamed(day) - 1), day]);
  });

  it("have names, and months", () => {
    expect(dayNamed("2026-11-2x")).toBeNaN();
    expect([0, -1, 2].map((later) => nameOfDay(monthOf(dayNamed("2026-11-20"), later)))).toEqual(["2026-11-01", "2026-10-01", "2027-01-01"]);
  });
});

it("has moments, as fields write them", () => {
  const clock = clockOf("Europe/Berlin");
  expect(new Date(momentNamed("2026-11-20T12:30", clock)).toISOString()).toBe("2026-11-20T11:30:00.000Z");
  // Twice; and not at all.
  expect(new Date(momentNamed("2026-10-25T02:30", clock)).toISOString()).toBe("2026-10-25T00:30:00.000Z");
  expect(new Date(momentNamed("2026-03-29T02:30", clock)).toISOString()).toBe("2026-03-29T01:30:00.000Z");
  expect(momentNamed("", clock)).toBeNaN();
  expect(nameOfMoment(Date.parse("2026-11-20T23:30:59.999Z"), clock)).toBe("2026-11-21T00:30");
});

describe("the clock of the page", () => {
  it("is the viewer's own, or UTC, once chosen, on the next page too", () => {
    const { result } = renderHook(useClock);
    expect(result.current).toEqual({ choice: "here", zone: "Europe/Berlin" });
    expect(zoneNote(result.current)).toBe("");
    act(() => chooseClock("utc"));
    expect(result.current).toBe(UTC);
    expect(zoneNote(result.current)).toBe(" (UTC)");
    expect(window.localStorage.getItem("tollkeeper.clock")).toBe("utc");
    expect(renderHook(useClock).result.current).toBe(UTC);
  });

  it("is what another tab chose", () => {
    const { result } = renderHook(useClock);
    act(() => {
      window.localStorage.setItem("tollkeeper.clock", "utc");
      window.dispatchEvent(new StorageEvent("storage", { key: "tollkeeper.clock" }));
    });
    expect(result.current).toBe(UTC);
  });

  it("holds on this page where the browser keeps nothing", () => {
    for (const method of ["getItem", "setItem"] as const) {
      vi.spyOn(Storage.prototype, method).mockImplementation(() => {
        throw new Error("forbidden");
      });
    }
    const { result } = renderHook(useClock);
    act(() => chooseClock("utc"));
    expect(result.current).toBe(UTC);
  });
});
