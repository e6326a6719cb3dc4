import { screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { AddFilter } from "~/features/explorer/AddFilter";

import { answer, sessionOf, show } from "../../render";
import { asked, row } from "./samples";

const rows = { current: [row({})] };

/** The groups that summaries are asked for by. */
let groups: string[] = [];

beforeEach(() => {
  groups = [];
  vi.spyOn(api, "GET").mockImplementation(((path: string, { params: { query } }: { params: { query: { group_by?: string } } }) => {
    if (path.endsWith("/summary")) groups.push(query.group_by ?? "");
    return Promise.resolve(answer({ data: rows.current, next: null }));
  }) as never);
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function choose(user: ReturnType<typeof show>["user"], label: string) {
  await user.click(screen.getByRole("button", { name: "Filter" }));
  await user.click(await screen.findByRole("combobox", { name: "Filter by" }));
  await user.click(await screen.findByRole("option", { name: label, hidden: true }));
}

it("asks for the values of a tag once its name is typed, not at each letter", async () => {
  const { user } = show(<AddFilter asked={asked("period=7d")} />, { session: sessionOf("admin") });
  await choose(user, "Tag");
  await user.type(screen.getByRole("combobox", { name: "Name of the tag" }), "project");
  await waitFor(() => expect(groups).toContain("tag:project"));
  expect(groups.filter((group) => group.startsWith("tag:"))).toEqual(["tag:project"]);
});

it("offers keys by what people call them, and filters by their ids", async () => {
  rows.current = [row({ key_id: "key_1", key_name: "laptop", key_prefix: "tk-a…9", requests: 1 })];
  const { user } = show(<AddFilter asked={asked("period=7d")} />, { session: sessionOf("admin") });
  await choose(user, "Key");
  await user.click(await screen.findByRole("combobox", { name: "Value" }));
  await user.click(await screen.findByRole("option", { name: "“laptop” (tk-a…9)", hidden: true }));
  expect(screen.getByRole<HTMLInputElement>("combobox", { name: "Value" }).value).toBe("“laptop” (tk-a…9)");
});
