import { screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";

import { Unpriced } from "~/features/billing/Unpriced";
import type { Model } from "~/features/models/models";

import { show } from "../../render";

const model = (name: string, pricing: object | null = null) => ({ name, pricing }) as Model;

it("names the models without a price, each of which can be given one", async () => {
  const add = vi.fn();
  const { user } = show(<Unpriced models={[model("a"), model("b", { id: 1 }), model("c")]} onAdd={add} />);
  expect(screen.getByRole("note").textContent).toContain("2 models have no price");
  expect(screen.getAllByRole("button")).toHaveLength(2);
  await user.click(screen.getByRole("button", { name: "Set a price for c" }));
  expect(add).toHaveBeenCalledWith("c");
});

it("is not there where every model has one", () => {
  show(<Unpriced models={[model("b", { id: 1 })]} onAdd={vi.fn()} />);
  expect(screen.queryByRole("note")).toBeNull();
});
