import { act, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { readSession, SESSION, useIsAdmin, useSignIn } from "~/features/session/session";

import { answer, refusal, sessionOf, showHook } from "../../render";

beforeEach(() => {
  vi.spyOn(api, "GET").mockResolvedValue(answer(null));
});
afterEach(() => vi.restoreAllMocks());

describe("the session", () => {
  it("is null for whoever is not signed in", async () => expect(await readSession()).toBeNull());

  it("is unknown, not null, when the gateway fails", async () => {
    vi.spyOn(api, "GET").mockResolvedValue(refusal(503, "Later."));
    await expect(readSession()).rejects.toThrow("Later.");
  });

  it("says who is an admin", () => {
    expect(showHook(useIsAdmin, { session: sessionOf("admin") }).result.current).toBe(true);
    expect(showHook(useIsAdmin, { session: sessionOf("user") }).result.current).toBe(false);
    expect(showHook(useIsAdmin, { session: null }).result.current).toBe(false);
  });
});

it("forgets on signing out what was read as somebody", async () => {
  vi.spyOn(api, "POST").mockResolvedValue(answer(undefined));
  const { result, queries } = showHook(useSignIn, { session: sessionOf("user") });
  queries.setQueryData(["me"], { user_id: "ann" });
  await act(() => result.current.signOut());
  await waitFor(() => expect(queries.getQueryData(SESSION)).toBeNull());
  expect(queries.getQueryData(["me"])).toBeUndefined();
});
