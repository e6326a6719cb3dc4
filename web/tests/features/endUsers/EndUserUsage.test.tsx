import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { EndUserUsage } from "~/features/endUsers/EndUserUsage";
import { UTC } from "~/ui/clock";
import { paramsOf, periodOf } from "~/ui/period";

import { answer, refusal, sessionOf, show } from "../../render";

const PERIOD = periodOf(new URLSearchParams(), new Date("2026-11-20T12:00:00Z"), UTC);
const SPAN = new URLSearchParams(paramsOf(PERIOD)).toString();

beforeEach(() => {
  vi.restoreAllMocks();
});

function used(id: string | null, cost: string) {
  const value = id === null || id === "eu_gone" ? null : `${id}@school.example`;
  return { end_user_id: id, end_user_value: value, requests: 2, prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, cost_usd: cost };
}

interface Asked {
  params: { query: { after?: string; limit?: number } };
}

/** What the gateway answers: sums by person in its order, page by page. */
function gateway(rows: unknown[]) {
  return vi.spyOn(api, "GET").mockImplementation(((_path: string, { params: { query } }: Asked) => {
    const start = Number(query.after ?? 0);
    const end = start + (query.limit ?? 1000);
    return Promise.resolve(answer({ data: rows.slice(start, end), next: end < rows.length ? String(end) : null }));
  }) as never);
}

it("sums what was used by person, the dearest first, each a way to their calls", async () => {
  const read = gateway([used("eu_2", "10"), used("eu_gone", "0.75"), used("eu_1", "0.5"), used(null, "0.25")]);
  show(<EndUserUsage userId="app" period={PERIOD} />, { session: sessionOf("admin") });
  const mia = await screen.findByRole("link", { name: "eu_2@school.example" });
  expect(mia.getAttribute("href")).toBe(`/admin/calls?user=app&end_user=eu_2&${SPAN}`);
  const rows = within(screen.getByRole("table", { name: "Use by person" })).getAllByRole("row").slice(1);
  expect(rows.map((row) => row.firstElementChild?.textContent)).toEqual(["eu_2@school.example", "eu_gone", "eu_1@school.example", "nobody named"]);
  expect(JSON.stringify(read.mock.calls[0])).toContain('"order_by":"-cost_usd"');
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
});

it("asks for those that are shown, and for no others", async () => {
  const read = gateway(Array.from({ length: 45 }, (_, at) => used(`eu_${at}`, String(100 - at))));
  const { user } = show(<EndUserUsage userId="app" period={PERIOD} />, { session: sessionOf("user") });
  expect((await screen.findByRole("link", { name: "eu_19@school.example" })).getAttribute("href")).toBe(`/calls?end_user=eu_19&${SPAN}`);
  expect(screen.queryByText(/^eu_20/)).toBeNull();
  await user.click(screen.getByRole("button", { name: "Show more" }));
  await screen.findByText("eu_39@school.example");
  expect(read.mock.calls.map((call) => call[0] as string)).toEqual(["/v1/usage/summary", "/v1/usage/summary"]);
});

it("is not there where nobody was named", async () => {
  const read = gateway([used(null, "1")]);
  show(<EndUserUsage userId="app" period={PERIOD} />, { session: sessionOf("user") });
  await waitFor(() => {
    expect(read).toHaveBeenCalled();
  });
  expect(screen.queryByText("Use by person")).toBeNull();
});

it("says what went wrong, and asks again", async () => {
  const read = vi.spyOn(api, "GET").mockResolvedValue(refusal(503, "The ledger rests."));
  const { user } = show(<EndUserUsage userId="app" period={PERIOD} />, { session: sessionOf("admin") });
  await screen.findByText("The ledger rests.");
  read.mockRestore();
  gateway([used("eu_1", "0.5")]);
  await user.click(screen.getByRole("button", { name: /again/i }));
  await screen.findByRole("link", { name: "eu_1@school.example" });
});
