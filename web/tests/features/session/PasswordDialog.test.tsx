import { fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { PasswordDialog } from "~/features/session/PasswordDialog";
import { SESSION } from "~/features/session/session";

import { refusal, sessionOf, show } from "../../render";

afterEach(() => vi.restoreAllMocks());

it("says that the password is wrong, and leaves the session as it is", async () => {
  vi.spyOn(api, "POST").mockResolvedValue(refusal(401, "The name or the password is wrong."));
  const closed = vi.fn();
  const { user, queries } = show(<PasswordDialog opened onClose={closed} />, { session: sessionOf("user") });
  fireEvent.change(screen.getByLabelText(/^Current password/), { target: { value: "not-mine" } });
  fireEvent.change(screen.getByLabelText(/^New password/), { target: { value: "opensesame" } });
  await user.click(screen.getByRole("button", { name: "Change password" }));
  expect((await screen.findByRole("alert")).textContent).toBe("The name or the password is wrong.");
  expect(queries.getMutationCache().getAll()).toEqual([]);
  expect(queries.getQueryData(SESSION)).not.toBeNull();
  expect(closed).not.toHaveBeenCalled();
});
