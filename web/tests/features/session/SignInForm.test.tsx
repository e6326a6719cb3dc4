import { fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { SESSION } from "~/features/session/session";
import { SignInForm } from "~/features/session/SignInForm";
import { failureWords } from "~/features/session/waysIn";

import { answer, refusal, sessionOf, show } from "../../render";

const CORP = { id: "corp", name: "Corp", start: "/auth/oidc/corp/start" };

function ways(password: boolean, providers = [CORP]) {
  vi.spyOn(api, "GET").mockResolvedValue(answer({ password, providers }));
}

beforeEach(() => ways(true));
afterEach(() => vi.restoreAllMocks());

it("has a way in by each provider, which leads back to the page that was asked for", async () => {
  show(<SignInForm next="/calls?period=7d" failure={null} />, { session: null });
  const link = await screen.findByRole("link", { name: "Continue with Corp" });
  expect(link.getAttribute("href")).toBe("/auth/oidc/corp/start?next=%2Fcalls%3Fperiod%3D7d");
  expect(screen.getByLabelText("Password")).toBeTruthy();
});

it("has no fields where passwords are turned off", async () => {
  ways(false);
  show(<SignInForm next={null} failure={null} />, { session: null });
  const link = await screen.findByRole("link", { name: "Continue with Corp" });
  expect(link.getAttribute("href")).toBe("/auth/oidc/corp/start");
  expect(screen.queryByLabelText("Password")).toBeNull();
});

it("asks for a code after the password, where there is a second factor", async () => {
  const post = vi.spyOn(api, "POST");
  post.mockResolvedValueOnce(answer({ challenge: "c", expires_at: "2026-11-20T12:00:00Z" }));
  const { user, queries } = show(<SignInForm next={null} failure={null} />, { session: null });
  fireEvent.change(screen.getByLabelText("Username"), { target: { value: "ann" } });
  fireEvent.change(screen.getByLabelText("Password"), { target: { value: "wonderland" } });
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  const code = await screen.findByLabelText("Code");
  expect(queries.getQueryData(SESSION)).toBeNull();

  post.mockResolvedValueOnce(refusal(401, "The code is wrong."));
  fireEvent.change(code, { target: { value: "000000" } });
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  expect((await screen.findByRole("alert")).textContent).toBe("The code is wrong.");

  post.mockResolvedValueOnce(answer(sessionOf("user")));
  fireEvent.change(code, { target: { value: "123456" } });
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  await vi.waitFor(() => expect(queries.getQueryData(SESSION)).toEqual(sessionOf("user")));
  expect(post.mock.lastCall).toEqual(["/auth/second-factor", { body: { challenge: "c", code: "123456" } }]);
});

it("says why the way by a provider failed, and nothing that the address says", () => {
  show(<SignInForm next={null} failure={failureWords("unknown_user")} />, { session: null });
  expect(screen.getByRole("alert").textContent).toMatch(/^You have no account here\./);
  expect(failureWords("<script>")).toBe("The sign-in did not succeed. Try again.");
  expect(failureWords(null)).toBeNull();
});
