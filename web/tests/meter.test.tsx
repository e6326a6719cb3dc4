import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { readingsOf } from "~/parts/LimitMeters";
import { limitName, Meter, type Reading, stateOf } from "~/parts/Meter";

const reading = (limit: number, used: number, reserved = 0): Reading => ({
  limit,
  used,
  reserved,
  remaining: Math.max(0, limit - used - reserved),
  resets_at: null,
});

describe("a meter", () => {
  it.each([
    ["tokens_per_day", "Tokens per day"],
    ["cost_usd_total", "Cost in all"],
    ["requests_per_second", "Requests per second"],
    ["max_concurrent_requests", "Requests at once"],
    ["models.llama3.2:1b.cost_usd_per_month", "Cost per month, llama3.2:1b"],
  ])("calls %s “%s”", (name, label) => expect(limitName(name).label).toBe(label));

  it.each([
    [reading(100, 79), "fine"],
    [reading(100, 70, 10), "near"],
    [reading(100, 95, 5), "full"],
    [reading(100, 120), "full"],
    [reading(0, 0), "full"],
    [reading(100, -5), "fine"],
  ])("%o is %s", (shown, state) => expect(stateOf(shown)).toBe(state));

  it("says in words what its bar shows, and its state by an icon too", () => {
    render(
      <MantineProvider>
        <Meter name="cost_usd_per_month" reading={reading(12.5, 11.25)} />
      </MantineProvider>,
    );
    const meter = screen.getByRole("meter");
    expect(meter.getAttribute("aria-valuenow")).toBe("90");
    expect(meter.getAttribute("aria-label")).toBe("Cost per month: $11.25 used, $0.00 reserved, $1.25 left of $12.50");
    expect(screen.getByLabelText("Nearly used up")).toBeTruthy();
  });

  it("comes in the order of how full it is, those of single models among them", () => {
    const found = readingsOf({
      tokens_per_day: reading(100, 10),
      cost_usd_total: reading(1, 0.9),
      models: { "eye:latest": { requests_total: reading(2, 1) } },
    });
    expect(found.map(([name]) => name)).toEqual(["cost_usd_total", "models.eye:latest.requests_total", "tokens_per_day"]);
  });
});
