// @vitest-environment node
import { describe, expect, it } from "vitest";

import { fieldLabel, limitName } from "~/features/limits/names";

describe("a limit", () => {
  it.each([
    ["tokens_per_day", "Tokens per day"],
    ["cost_usd_total", "Cost in all"],
    ["requests_per_second", "Requests per second"],
    ["max_concurrent_requests", "Requests at once"],
    ["models.llama3.2:1b.cost_usd_per_month", "Cost per month, llama3.2:1b"],
  ])("%s is called “%s”", (name, label) => expect(limitName(name).label).toBe(label));

  it("of the size of a request is not called one of a span of time", () => {
    expect(fieldLabel("max_tokens_per_request")).toBe("Tokens in one request");
    expect(fieldLabel("queue_weight")).toBe("Weight in the line");
    expect(fieldLabel("tokens_per_day")).toBe("Tokens per day");
  });
});
