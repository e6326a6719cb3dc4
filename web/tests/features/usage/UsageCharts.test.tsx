import { screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import type { SummaryRow, Usage } from "~/features/usage/usage";
import { UsageCharts } from "~/features/usage/UsageCharts";
import { clockOf } from "~/ui/clock";
import { columnsOf, periodOf } from "~/ui/period";

import { answer, sessionOf, show } from "../../render";

const BERLIN = clockOf("Europe/Berlin");
const NOW = new Date("2026-11-20T12:00:00Z");
const PERIOD = periodOf(new URLSearchParams("period=7d"), NOW, BERLIN);

beforeEach(() => {
  const colors = ["a", "b"].map((model, color) => ({ model, color }));
  vi.spyOn(api, "GET").mockResolvedValue(answer({ object: "list", data: colors }));
});
afterEach(() => vi.restoreAllMocks());

/** The charts of a week, on the last day of which each of these models was used once. */
function charts(...models: string[]) {
  const rows = models.map((model) => ({ model, requests: 1, total_tokens: 5, cost_usd: "1" }) as SummaryRow);
  const columns = columnsOf(PERIOD, BERLIN, NOW).map((column, place, all) => ({ ...column, rows: place === all.length - 1 ? rows : [] }));
  const usage: Usage = { data: undefined, columns, before: undefined, error: null };
  return show(<UsageCharts usage={usage} period={PERIOD} calls="/calls" filters={{ user: "ann" }} />, { session: sessionOf("user") });
}

/** The links of the first chart's table, in the order of its columns, each as its parameters. */
async function links(user: ReturnType<typeof charts>["user"]) {
  await user.click(screen.getAllByRole("button", { name: "Table" })[0] ?? document.body);
  return screen.getAllByRole("link").map((link) => Object.fromEntries(new URLSearchParams((link.getAttribute("href") ?? "").split("?")[1])));
}

describe("what a part of a chart opens", () => {
  const day = { period: "custom", from: "2026-11-19T23:00:00.000Z", to: "2026-11-20T23:00:00.000Z", user: "ann" };

  it("is the calls of its day, on the clock of the page, and of its model", async () => {
    const { user } = charts("a", "b");
    await screen.findAllByRole("columnheader", { name: "b" });
    expect(await links(user)).toEqual([{ ...day, model: "a" }, { ...day, model: "b" }, day]);
  });

  it("is those of the day where it has several models, or corrections", async () => {
    const { user } = charts("", "a", "b", "x", "y");
    await screen.findAllByRole("columnheader", { name: "2 other models" });
    expect(await links(user)).toEqual([day, { ...day, model: "a" }, { ...day, model: "b" }, day, day]);
  });
});

it("names no zone where the clock is the viewer's", () => {
  charts("a");
  expect(screen.getByRole("heading", { name: "Cost by day and model" })).toBeTruthy();
});
