import { screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { KeyName } from "~/features/keys/KeyName";

import { answer, refusal, sessionOf, show } from "../../render";

afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  ["admin", "/admin/keys/{key_id}"],
  ["user", "/me/keys/{key_id}"],
] as const)("tells %s a key by its name and prefix", async (role, path) => {
  const read = vi.spyOn(api, "GET").mockResolvedValue(answer({ id: "key_1", name: "laptop", prefix: "tk-a…9" }));
  show(<KeyName id="key_1" />, { session: sessionOf(role) });
  await screen.findByText("“laptop” (tk-a…9)");
  expect(read).toHaveBeenCalledWith(path, { params: { path: { key_id: "key_1" } } });
  expect(screen.queryByText("key_1")).toBeNull();
});

it("tells the id of a key that is not there", async () => {
  vi.spyOn(api, "GET").mockResolvedValue(refusal(404, "There is no key 'key_2'."));
  show(<KeyName id="key_2" />, { session: sessionOf("admin") });
  await screen.findByText("key_2");
});
