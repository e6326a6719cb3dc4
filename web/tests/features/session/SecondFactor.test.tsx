import { fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { draw } from "~/features/session/QrCode";
import { SecondFactorDialog } from "~/features/session/SecondFactorDialog";
import { Notices } from "~/ui/Notices";

import { answer, refusal, sessionOf, show } from "../../render";

afterEach(() => vi.restoreAllMocks());

function open(status: "off" | "on", left = 0) {
  vi.spyOn(api, "GET").mockResolvedValue(answer({ status, recovery_codes_left: left }));
  const onClose = vi.fn();
  const dialog = (
    <Notices>
      <SecondFactorDialog onClose={onClose} />
    </Notices>
  );
  return { ...show(dialog, { session: sessionOf("user") }), onClose, post: vi.spyOn(api, "POST") };
}

it("leads from the password by the QR code to the recovery codes", async () => {
  const { user, post, onClose } = open("off");
  post.mockResolvedValueOnce(refusal(401, "The name or the password is wrong."));
  fireEvent.change(await screen.findByLabelText(/^Your password/), { target: { value: "wrong" } });
  await user.click(screen.getByRole("button", { name: "Set up" }));
  expect((await screen.findByRole("alert")).textContent).toBe("The name or the password is wrong.");

  post.mockResolvedValueOnce(answer({ secret: "JBSWY3DP", uri: "otpauth://totp/Tollkeeper:ann?secret=JBSWY3DP" }));
  await user.click(screen.getByRole("button", { name: "Set up" }));
  expect(await screen.findByRole("img", { name: /^QR code/ })).toBeTruthy();
  expect(screen.getByText("JBSWY3DP")).toBeTruthy();

  post.mockResolvedValueOnce(answer({ recovery_codes: ["aaaa-bbbb", "cccc-dddd"] }));
  fireEvent.change(screen.getByLabelText(/^Code of the app/), { target: { value: " 123456 " } });
  await user.click(screen.getByRole("button", { name: "Turn on" }));
  expect(await screen.findByText("aaaa-bbbb")).toBeTruthy();
  expect(post.mock.lastCall).toEqual(["/auth/second-factor/confirm", { body: { code: "123456" } }]);
  expect(onClose).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "I have kept them" }));
  expect(onClose).toHaveBeenCalled();
});

it("is turned off with password and code only", async () => {
  const { user, post, onClose } = open("on", 9);
  const off = await screen.findByRole("button", { name: "Turn off" });
  expect(off).toHaveProperty("disabled", true);
  fireEvent.change(screen.getByLabelText(/^Your password/), { target: { value: "wonderland" } });
  fireEvent.change(screen.getByLabelText(/^Code/), { target: { value: "123456" } });
  post.mockResolvedValueOnce(answer(undefined));
  await user.click(off);
  await vi.waitFor(() => expect(onClose).toHaveBeenCalled());
  expect(post.mock.lastCall).toEqual(["/auth/second-factor/disable", { body: { password: "wonderland", code: "123456" } }]);
});

it("draws a QR code with its three corners and a light border", () => {
  const { size, path } = draw("otpauth://totp/x?secret=JBSWY3DP");
  expect((size - 8 - 17) % 4).toBe(0);
  const dark = new Set(path.match(/M\d+ \d+/g));
  for (const corner of ["M4 4", `M${size - 5} 4`, `M4 ${size - 5}`]) expect(dark.has(corner)).toBe(true);
  expect(dark.has(`M${size - 5} ${size - 5}`) && dark.has("M3 3")).toBe(false);
});
