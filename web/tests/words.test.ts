import { describe, expect, it } from "vitest";

import { actionWords, detailLine, fieldWords } from "~/parts/auditWords";
import { statesOf } from "~/parts/catalog";
import { millionths, moment } from "~/parts/format";
import { endOf } from "~/parts/KeyDialogs";
import { phrase } from "~/parts/limitWords";

it("says limits as people do", () => {
  expect(phrase("requests_per_minute", 1)).toBe("1 request per minute");
  expect(phrase("tokens_per_day", 12_000)).toBe("12,000 tokens per day");
  expect(phrase("cost_usd_per_month", 2.5)).toBe("$2.50 per month");
  expect(phrase("cost_usd_total", 0.0000001)).toBe("$0.0000001 in all");
  expect(phrase("max_concurrent_requests", 2)).toBe("2 requests at once");
  expect(phrase("max_tokens_per_request", 4096)).toBe("4,096 tokens per request");
});

describe("the audit log", () => {
  it("knows actions, and shows others as they are", () => {
    expect(actionWords("key.revoke")).toBe("Revoked a key");
    expect(actionWords("toString")).toBe("toString");
  });

  it("says a change in one line", () => {
    expect(detailLine({ status: "suspended", name: null })).toBe("Status: suspended");
    expect(detailLine({ limits: { requests_per_minute: 60, cost_usd_per_day: null, allowed_models: ["a"], models: { b: { tokens_per_day: 5 } } } })).toBe(
      "60 requests per minute · only a · 5 tokens per day of b",
    );
    expect(detailLine({ prices: [{ model: "a*", input_usd_per_mtok: "0.05", output_usd_per_mtok: "0.1" }] })).toBe("a*: $0.05 in, $0.10 out");
  });

  it("leaves names that are not fields as they are", () => {
    expect(fieldWords("cost_usd_per_month")).toBe("Cost ($) per month");
    expect(fieldWords("llama3.2:1b")).toBe("llama3.2:1b");
  });
});

it("tells which version of a price is in force", () => {
  const versions = [
    { id: 4, effective_at: "2026-12-01T00:00:00Z" },
    { id: 5, effective_at: "2026-11-20T12:00:00Z" },
    { id: 1, effective_at: "2026-11-01T00:00:00Z" },
  ];
  const states = (at: string) => [...statesOf(versions, new Date(at)).values()];
  expect(states("2026-11-20T12:00:00Z")).toEqual(["to come", "in force", "past"]);
  expect(states("2026-11-20T11:59:59Z")).toEqual(["to come", "to come", "in force"]);
});

describe("the end of a key", () => {
  const now = new Date("2026-11-20T12:00:00Z");

  it("is that of the day, where the browser is", () => {
    expect(endOf("day", "2026-12-31", now)?.toISOString()).toBe("2026-12-31T23:00:00.000Z");
    expect(endOf("day", "2027-03-28", now)?.toISOString()).toBe("2027-03-28T22:00:00.000Z");
  });

  it("is counted from now, or is none", () => {
    expect(endOf("week", "", now)?.toISOString()).toBe("2026-11-27T12:00:00.000Z");
    expect(endOf("never", "2026-12-31", now)).toBeNull();
  });
});

it("writes what one call costs to the millionth, half up", () => {
  expect(millionths("0.0001235")).toBe("$0.000124");
  expect(millionths("0.0000004")).toBe("<$0.000001");
  expect(millionths("1234.5")).toBe("$1,234.500000");
  expect(millionths("0")).toBe("$0");
  expect(millionths("-0.5")).toBe("−$0.500000");
});

it("names the year of a moment in another one", () => {
  const now = new Date("2026-11-20T12:00:00Z");
  expect(moment(new Date("2026-12-01T00:00:00Z"), now)).toBe("1 Dec, 01:00:00");
  expect(moment(new Date("2027-01-01T00:00:00Z"), now)).toBe("1 Jan 2027, 01:00");
});
