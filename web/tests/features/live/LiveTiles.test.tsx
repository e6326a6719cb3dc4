import { render, screen } from "@testing-library/react";
import { MantineProvider } from "@mantine/core";
import { MemoryRouter } from "react-router";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { Standing } from "~/features/live/feed";
import { LiveTiles } from "~/features/live/LiveTiles";
import { clockOf, PageClock, UTC } from "~/ui/clock";

const SUMS = { requests: 12, total_tokens: 1300, cost_usd: "0.5", errors: 1 };
const TICK = {
  at: "2026-11-30T23:30:00Z",
  now: { requests_per_second: 0, tokens_per_second: 0, cost_usd_per_minute: "0", errors_per_second: 0, in_flight: 0, queued: 0 },
  today: SUMS,
  month: SUMS,
} as unknown as Standing;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse(TICK.at) });
});
afterEach(() => {
  vi.useRealTimers();
});

function hrefs(zone: string): (string | null)[] {
  render(
    <MantineProvider env="test">
      <MemoryRouter>
        <PageClock value={zone === "UTC" ? UTC : clockOf(zone)}>
          <LiveTiles tick={TICK} />
        </PageClock>
      </MemoryRouter>
    </MantineProvider>,
  );
  return screen.getAllByRole("link").map((link) => link.getAttribute("href"));
}

it("says that its days and months are those of UTC, and leads to them on every clock", () => {
  // In Berlin it is December.
  const links = hrefs("Europe/Berlin");
  expect(links[2]).toContain("period=custom&from=2026-11-30&to=2026-11-30&");
  expect(links[3]).toContain("period=custom&from=2026-11-01&to=2026-11-30&");
  const named = screen.getAllByRole("term").map((term) => term.textContent);
  expect(named).toEqual(["Requests per second", "Tokens per second", "Spend today (UTC)", "Spend this month (UTC)", "Errors today (UTC)", "In flight"]);
  expect(screen.getByText("12 today (UTC)")).toBeTruthy();
});

it("leads to the spans of the picker where the page's clock is UTC", () => {
  const links = hrefs("UTC");
  expect(links.map((link) => /period=(\w+)/.exec(link ?? "")?.[1])).toEqual(["today", "today", "today", "month", "today"]);
});
