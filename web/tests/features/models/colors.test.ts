import { waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { colorNumbered, OTHER, useModelColors } from "~/features/models/colors";

import { answer, sessionOf, showHook } from "../../render";

afterEach(() => vi.restoreAllMocks());

it("is one of eight, or that of all others", () => {
  expect([0, 7, null, undefined].map(colorNumbered)).toEqual(["var(--model-0)", "var(--model-7)", OTHER, OTHER]);
});

it("is what the gateway says, whichever models there are at the moment", async () => {
  const get = vi.spyOn(api, "GET").mockResolvedValue(
    answer({ object: "list", data: [{ model: "tiny", color: 3 }, { model: "ninth", color: null }] }),
  );
  const { result } = showHook(useModelColors, { session: sessionOf("user") });
  await waitFor(() => expect(result.current("tiny")).toBe("var(--model-3)"));
  expect([result.current("ninth"), result.current("unheard of")]).toEqual([OTHER, OTHER]);
  expect(get.mock.calls.flat()).toEqual(["/me/model-colors"]);
});
