// @vitest-environment node
import { expect, it } from "vitest";

import { describeAlerts, describeLimit, describeLimits } from "~/features/limits/words";
import { FIGURE_NAMES, type Limits } from "~/features/limits/names";

it("says limits as people do", () => {
  expect(describeLimit("requests_per_minute", 1)).toBe("1 request per minute");
  expect(describeLimit("tokens_per_day", 12_000)).toBe("12,000 tokens per day");
  expect(describeLimit("cost_usd_per_month", 2.5)).toBe("$2.50 per month");
  expect(describeLimit("cost_usd_total", 0.0000001)).toBe("$0.0000001 in all");
  expect(describeLimit("max_concurrent_requests", 2)).toBe("2 requests at once");
  expect(describeLimit("max_tokens_per_request", 4096)).toBe("4,096 tokens per request");
  expect(describeLimit("queue_weight", 3)).toBe("weight 3 in the line");
});

it("says all limits of a key, those on models among them", () => {
  const none = Object.fromEntries(FIGURE_NAMES.map((name) => [name, null]));
  const limits = { ...none, alerts: null, requests_per_minute: 60, allowed_models: ["a", "b"], models: { a: { ...none, tokens_per_day: 5 } } } as unknown as Limits;
  expect(describeLimits(limits)).toEqual(["60 requests per minute", "only a, b", "5 tokens per day of a"]);
  expect(describeLimits({ ...limits, requests_per_minute: null, allowed_models: [], models: {} })).toEqual(["no models"]);
});

it("says at which percentages there are alerts", () => {
  expect(describeAlerts([50, 80, 100])).toBe("alerts at 50, 80 and 100 %");
  expect(describeAlerts([90])).toBe("alerts at 90 %");
  expect(describeAlerts([])).toBe("no alerts");
});
