import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { OwnAlerts } from "~/features/alerts/OwnAlerts";

import { answer, show } from "../../render";

const ALERT = {
  id: "ann", kind: "user", user_id: "ann", team_id: null, limit: "cost_usd_per_month", model: null, percent: 80, since: new Date().toISOString(), event_id: "e",
};

beforeEach(() => {
  vi.restoreAllMocks();
});

it("says which budgets are mostly used, or used up", async () => {
  vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [{ ...ALERT, limit: "tokens_per_day", percent: 100, event_id: "f" }, ALERT], next: null }));
  show(<OwnAlerts />);
  expect(await screen.findByText(/100 % of tokens per day is used up, reached/)).toBeTruthy();
  expect(screen.getByText(/80 % of cost per month is used, reached/)).toBeTruthy();
});

it("is nothing where there are none", async () => {
  const asked = vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [], next: null }));
  show(<OwnAlerts />);
  await vi.waitFor(() => expect(asked).toHaveBeenCalled());
  expect(screen.queryByRole("note")).toBeNull();
});
