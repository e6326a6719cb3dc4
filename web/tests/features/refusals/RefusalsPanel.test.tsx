import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { refusalWords, useRefusals } from "~/features/refusals/refusals";
import { RefusalsPanel } from "~/features/refusals/RefusalsPanel";
import type { Period } from "~/ui/period";

import { answer, sessionOf, show, showHook } from "../../render";

const PERIOD = { from: "2026-11-20T00:00:00Z", to: "2026-11-21T00:00:00Z" } as Period;
const PACE = { status: 429, code: "rate_limit_exceeded", limit: "requests_per_minute", count: 12, last_at: new Date().toISOString() };
const KEY = { ...PACE, status: 401, code: "invalid_api_key", limit: null, count: 3 };

beforeEach(() => {
  vi.restoreAllMocks();
});

it("says why requests were refused, and how often", async () => {
  const asked = vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [PACE, KEY], total: { count: 15 } }));
  show(<RefusalsPanel period={PERIOD} userId="ann" />, { session: sessionOf("admin") });
  const rows = await screen.findAllByRole("row");
  expect(rows.slice(1).map((row) => row.textContent)).toEqual([
    expect.stringMatching(/^Limit: requests per minute 429.*12/),
    expect.stringMatching(/^Key revoked or expired 401.*3/),
  ]);
  expect(asked.mock.calls[0]).toEqual(["/admin/refusals", { params: { query: { from: PERIOD.from, to: PERIOD.to, group_by: "reason", user_id: "ann" } } }]);
});

it("asks for one's own without a user, and is nothing where there are none", async () => {
  const asked = vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [], total: { count: 0 } }));
  show(<RefusalsPanel period={PERIOD} />, { session: sessionOf("user") });
  await vi.waitFor(() => expect(asked).toHaveBeenCalled());
  expect(asked.mock.calls[0]?.[0]).toBe("/v1/refusals");
  expect(screen.queryByText("Refused requests")).toBeNull();
});

it("asks for everyone's where an admin names nobody", async () => {
  const asked = vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [], total: { count: 0 } }));
  show(<RefusalsPanel period={PERIOD} />, { session: sessionOf("admin") });
  await vi.waitFor(() => expect(asked).toHaveBeenCalled());
  expect(asked.mock.calls[0]).toEqual(["/admin/refusals", { params: { query: { from: PERIOD.from, to: PERIOD.to, group_by: "reason" } } }]);
});

it("shows a code that it does not know", () => {
  expect(refusalWords({ ...KEY, code: "unheard_of" })).toBe("unheard_of");
  expect(refusalWords({ ...PACE, limit: "max_tokens_per_request" })).toBe("Limit: tokens in one request");
  expect(refusalWords({ ...KEY, code: "model_not_allowed", limit: "allowed_models" })).toBe("Model not allowed");
});

it("leaves out other models, and asks for those of a key", async () => {
  const rows = [
    { ...PACE, model: "m:1" },
    { ...KEY, model: null },
  ];
  const asked = vi.spyOn(api, "GET").mockResolvedValue(answer({ data: rows, total: { count: 15 } }));
  const { result } = showHook(() => useRefusals(PERIOD, undefined, { keyId: "key_1", model: "m:1" }), { session: sessionOf("admin") });
  await vi.waitFor(() => expect(result.current.data).toEqual([rows[0]]));
  expect(asked.mock.calls[0]).toEqual([
    "/admin/refusals",
    { params: { query: { from: PERIOD.from, to: PERIOD.to, group_by: "reason,model", limit: 1000, key_id: "key_1" } } },
  ]);
});
