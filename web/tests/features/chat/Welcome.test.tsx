import { screen } from "@testing-library/react";
import { expect, it } from "vitest";

import { Welcome } from "~/features/chat/Welcome";

import { show } from "../../render";

it("tells which conversation a new one replaces", () => {
  const replaced = { id: "c", userId: "ann", title: "An old one", model: "m", changedAt: 0, messages: [] };
  show(<Welcome model={undefined} waiting={false} replaced={replaced} onPick={() => undefined} />);
  screen.getByText(/with your question the oldest, «An old one», is deleted/);
  expect(screen.getByRole("button", { name: "Export it first" })).toBeDefined();
});
