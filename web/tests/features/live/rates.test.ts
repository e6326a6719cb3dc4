// @vitest-environment node
import { describe, expect, it } from "vitest";

import type { Point } from "~/features/live/feed";
import { costPerMinute, tableRows, requests, rows, SHOWN } from "~/features/live/rates";
import { clockOf, UTC } from "~/ui/clock";

function points(count: number): Point[] {
  return Array.from({ length: count }, (_, second) => ({
    at: new Date(Date.parse("2026-11-20T12:00:00Z") + second * 1000).toISOString(),
    requests: second,
    tokens: 0,
    cost_usd: "0.5",
    errors: 0,
    in_flight: 7,
    queued: 0,
  }));
}

describe("the lines of the live feed", () => {
  it("grow from the right: as many places as ever, those before the first empty", () => {
    const drawn = rows(points(3), [requests], UTC);
    expect(drawn).toHaveLength(SHOWN);
    expect(drawn.map((row) => row.values.length)).toEqual([...Array.from({ length: SHOWN - 3 }, () => 0), 1, 1, 1]);
    expect(new Set(drawn.map((row) => row.id)).size).toBe(SHOWN);
  });

  it("are the mean of ten seconds, or of as many as there are", () => {
    const drawn = rows(points(12), [requests], UTC).slice(-12);
    expect(drawn[0]?.values).toEqual([0]);
    expect(drawn[2]?.values).toEqual([1]);
    expect(drawn[11]?.values).toEqual([6.5]);
    expect(rows(points(12), [requests], UTC, false).at(-1)?.values).toEqual([11]);
    expect(rows(points(1), [costPerMinute], UTC).at(-1)?.values).toEqual([30]);
  });

  it("name every other minute, and are read every ten seconds, the newest first", () => {
    const drawn = rows(points(SHOWN), [requests], UTC);
    expect(drawn.flatMap((row) => (row.tick === "" ? [] : [row.tick]))).toEqual(["12:00 UTC", "12:02 UTC", "12:04 UTC"]);
    expect(rows(points(SHOWN), [requests], clockOf("Asia/Kolkata"))[0]?.tick).toBe("17:30");
    const read = tableRows(drawn);
    expect(read).toHaveLength(SHOWN / 10);
    expect(read[0]?.label).toBe("12:04:50");
  });
});
