import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { LimitMeter } from "~/features/limits/LimitMeter";
import type { Reading } from "~/features/limits/readings";

const reading = (limit: number, used: number, reserved = 0): Reading => ({
  limit,
  used,
  reserved,
  remaining: Math.max(0, limit - used - reserved),
  resets_at: null,
});

describe("a meter", () => {
  it("says in words what its bar shows, and shows its state by an icon, too", () => {
    render(
      <MantineProvider>
        <LimitMeter name="cost_usd_per_month" reading={reading(12.5, 11.25)} />
      </MantineProvider>,
    );
    const meter = screen.getByRole("meter");
    expect(meter.getAttribute("aria-valuenow")).toBe("90");
    expect(meter.getAttribute("aria-label")).toBe("Cost per month: $11.25 used, $0.00 reserved, $1.25 left of $12.50");
    expect(screen.getByLabelText("Nearly used up")).toBeTruthy();
  });
});
