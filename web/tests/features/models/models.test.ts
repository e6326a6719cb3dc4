import { waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { useExampleModel, useModelNames } from "~/features/models/models";

import { answer, sessionOf, showHook } from "../../render";

afterEach(() => vi.restoreAllMocks());

it("gives admins the names of all models, from every page of the list, in alphabetical order", async () => {
  const read = vi.spyOn(api, "GET").mockImplementation((path, ...given) => {
    expect(path).toBe("/admin/models");
    const { after } = (given[0] as unknown as { params: { query: { after?: string } } }).params.query;
    return Promise.resolve(answer(after === undefined ? { data: [{ name: "b" }, { name: "c" }], next: "2" } : { data: [{ name: "a" }], next: null }));
  });
  const { result } = showHook(useModelNames, { session: sessionOf("admin") });
  await waitFor(() => expect(result.current).toEqual(["a", "b", "c"]));
  expect(read).toHaveBeenCalledTimes(2);
});

it("gives users the models that they may use", async () => {
  vi.spyOn(api, "GET").mockImplementation((path) => Promise.resolve(answer(path === "/v1/models" ? { data: [{ id: "mine" }] } : { data: [] })));
  const { result } = showHook(useExampleModel, { session: sessionOf("user") });
  expect(result.current).toBe("llama3.2:1b");
  await waitFor(() => expect(result.current).toBe("mine"));
});
