import { screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { NO_LIMITS } from "~/features/limits/names";
import { QuickLimits } from "~/features/users/QuickLimits";

import { answer, show } from "../../render";

afterEach(() => vi.restoreAllMocks());

const READING = { limit: 100, used: 40, reserved: 0, remaining: 60, resets_at: null };
const OF_MODEL = "models.tiny.1:latest.tokens_per_day";

function begin(name: string | undefined) {
  const models = { "tiny.1:latest": { ...NO_LIMITS, tokens_per_day: 100 } };
  const usage = { requests_per_day: READING, models: { "tiny.1:latest": { tokens_per_day: READING } } };
  vi.spyOn(api, "GET").mockResolvedValue(answer({ ...NO_LIMITS, requests_per_day: 100, models, usage }));
  const put = vi.spyOn(api, "PUT").mockResolvedValue(answer(NO_LIMITS));
  return { put, ...show(<QuickLimits userId="ann" name={name} onAll={vi.fn()} />) };
}

it.each([
  ["requests_per_day", "Requests per day", { requests_per_day: 200 }],
  [OF_MODEL, "Tokens per day, tiny.1:latest", { models: { "tiny.1:latest": { tokens_per_day: 200 } } }],
])("edits the very limit beside it: %s", async (name, label, change) => {
  const { put, user } = begin(name);
  await user.click(screen.getByRole("button", { name: `Edit the limit of ann: ${label}` }));
  const field = await screen.findByRole("textbox");
  screen.getByText(label);
  expect(field).toHaveProperty("value", "100");
  screen.getByText("40 used");
  await user.clear(field);
  await user.type(field, "200");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(put).toHaveBeenCalledWith("/admin/users/{user_id}/limits", { params: { path: { user_id: "ann" } }, body: change });
});

it("offers the usual ones for a user without limits", async () => {
  const { user } = begin(undefined);
  await user.click(screen.getByRole("button", { name: "Set limits of ann" }));
  expect(await screen.findAllByRole("textbox")).toHaveLength(4);
});
