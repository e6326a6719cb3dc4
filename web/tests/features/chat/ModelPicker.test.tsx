import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { ModelPicker } from "~/features/chat/ModelPicker";
import { useChosenModel } from "~/features/chat/useChosenModel";

import { answer, sessionOf, show } from "../../render";

const MODEL = { id: "tiny:latest", object: "model", created: 0, owned_by: "library", vision: null, pricing: null };
const picked = vi.fn();

function Picker() {
  const chosen = useChosenModel("ann", undefined);
  return (
    <>
      <ModelPicker chosen={chosen} onChoose={picked} />
      <output>{chosen.model?.id}</output>
    </>
  );
}

beforeEach(() => {
  window.localStorage.clear();
  vi.spyOn(api, "GET").mockResolvedValue(answer({ data: [MODEL] }));
});

it("takes a name that is not in the list, and keeps it", async () => {
  const first = show(<Picker />, { session: sessionOf("user") });
  const box = await screen.findByRole("combobox", { name: "Model" });
  await vi.waitFor(() => expect(screen.getByRole("status").textContent).toBe("tiny:latest"));
  await first.user.click(box);
  await first.user.clear(box);
  await first.user.type(box, "best");
  await first.user.click(screen.getByRole("option", { name: /^best/ }));
  expect(picked).toHaveBeenCalledWith("best");
  expect(screen.getByRole("status").textContent).toBe("best");
  expect(window.localStorage.getItem("tollkeeper.chat.names.ann")).toBe("best");
});

it("has a model of the list in place of a name that nobody typed", async () => {
  window.localStorage.setItem("tollkeeper.chat.model.ann", "gone:latest");
  show(<Picker />, { session: sessionOf("user") });
  await vi.waitFor(() => expect(screen.getByRole("status").textContent).toBe("tiny:latest"));
});
