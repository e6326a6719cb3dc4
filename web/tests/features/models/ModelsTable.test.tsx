import { screen, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import type { Model } from "~/features/models/models";
import { ModelsTable } from "~/features/models/ModelsTable";

import { answer, sessionOf, show } from "../../render";
import { model, place } from "../lifecycle/samples";

beforeEach(() => {
  vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [], next: null }));
});
afterEach(() => vi.restoreAllMocks());

function open(models: readonly Model[]) {
  const pull = vi.fn();
  const { user } = show(<ModelsTable models={models} selected={undefined} actions={() => null} onPull={pull} />, { session: sessionOf("admin") });
  return { user, pull };
}

function textsOf(name: string): (string | null)[] {
  const row = screen.getByRole("row", { name: new RegExp(name) });
  return within(row).getAllByRole("cell").map(({ textContent }) => textContent);
}

const LOADED = { memory_bytes: 2_100_000_000, gpu_memory_bytes: 2_100_000_000, until: null, context: 4096 };

it("shows what is known of each model, and nothing of what is not", () => {
  const known = model({
    aliases: ["best"],
    requests_this_month: 12_412,
    places: [place({ loaded: LOADED }), place({ upstream: "rack", loaded: LOADED })],
    pinned: { model: "tiny:latest", digest: "1".repeat(64), loaded: true },
  });
  const hosted = place({ upstream: "hub", managed: false, size_bytes: null, family: null, parameter_size: null, quantization: null, digest: null });
  open([known, model({ name: "gpt", context: null, places: [hosted] })]);
  expect(textsOf("tiny")).toEqual([
    "tiny:latestllama 1.2B Q8_0also best",
    "",
    "attic, rack",
    "1.32 GB",
    "2.10 GBattic, kept2.10 GBrack, kept",
    "in memoryone digest",
    "131 k",
    "Set a price",
    "12.4 k",
    "never",
  ]);
  expect(textsOf("gpt")).toEqual(["gpt", "", "hub", "–", "–", "–", "not known", "Set a price", "0", "never"]);
});

it("says that a name stands for another digest, and why a model could not be kept in memory", () => {
  const changed = place({ changed: true, pin_error: "It has no room." });
  open([model({ places: [changed], pinned: { model: "tiny:latest", digest: "2".repeat(64), loaded: true } })]);
  const texts = textsOf("tiny");
  expect(texts[4]).toBe("attic: It has no room.");
  expect(texts[5]).toBe("in memorychanged");
});

it("begins with a pull where there are no models", async () => {
  const { user, pull } = open([]);
  await user.click(screen.getByRole("button", { name: "Pull a model" }));
  expect(pull).toHaveBeenCalled();
});
