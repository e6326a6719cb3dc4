import { screen, within } from "@testing-library/react";
import { expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { CallsTable } from "~/features/calls/CallsTable";

import { answer, sessionOf, show } from "../../render";

const CALL = {
  request_id: "req_1", created_at: "2026-11-20T12:00:00.000Z", user_id: "ann", model: "tiny:latest", endpoint: "/v1/chat/completions", status: "completed",
  error: null, prompt_tokens: 12, completion_tokens: 34, first_token_ms: null, latency_ms: 56, price_id: 1, cost_usd: "0.01",
};
const CORRECTION = { ...CALL, request_id: "req_2", endpoint: "adjustment", prompt_tokens: 0, completion_tokens: 0, latency_ms: 0, price_id: null, cost_usd: "-1.5" };
const SUMS = { requests: 1, prompt_tokens: 12, completion_tokens: 34, cost_usd: "-1.49" };

it("tells of a correction the amount, and nothing that only a call has", async () => {
  vi.spyOn(api, "GET").mockImplementation((path) =>
    Promise.resolve(answer(path === "/v1/usage" ? { data: [CALL, CORRECTION], totals: SUMS, next: null, previous: null } : { data: [], next: null })),
  );
  show(<CallsTable />, { session: sessionOf("user") });
  const cellsOf = (row: HTMLElement | undefined) => (row === undefined ? [] : within(row).getAllByRole("cell").map((cell) => cell.textContent).slice(1));
  const rows = (await screen.findByText("Correction")).closest("tbody");
  const [call, correction] = rows === null ? [] : within(rows).getAllByRole("row");
  expect(cellsOf(call)).toEqual(["tiny:latest", "$0.010000", "completed", "12", "34", "–", "56 ms"]);
  expect(cellsOf(correction)).toEqual(["Correction", "−$1.500000", "", "–", "–", "–", "–"]);
});
