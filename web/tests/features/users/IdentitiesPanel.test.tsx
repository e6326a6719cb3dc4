import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { IdentitiesPanel } from "~/features/users/IdentitiesPanel";

import { answer, refusal, show } from "../../render";

const CORP = { id: "corp", name: "Example Corp", start: "/auth/oidc/corp/start" };
const IDENTITY = { id: "idn_1", provider: "corp", issuer: "https://corp.example", subject: "00u1", created_at: "2026-11-20T12:00:00Z" };

beforeEach(() => {
  vi.restoreAllMocks();
});

function gateway(identities: unknown[], providers: unknown[] = [CORP]) {
  return vi.spyOn(api, "GET").mockImplementation(((path: string) =>
    Promise.resolve(path === "/auth/providers" ? answer({ password: true, providers }) : answer({ data: identities }))) as never);
}

it("is not there where no provider is, nor ever was", async () => {
  const read = gateway([], []);
  show(<IdentitiesPanel userId="ann" closed={false} />);
  await waitFor(() => {
    expect(read).toHaveBeenCalledTimes(2);
  });
  expect(screen.queryByText("Sign-in by providers")).toBeNull();
});

it("shows an identity of a provider that is gone by its issuer, and lets nothing be linked", async () => {
  gateway([{ ...IDENTITY, provider: null }], []);
  show(<IdentitiesPanel userId="ann" closed={false} />);
  expect((await screen.findByRole("row", { name: /00u1/ })).textContent).toContain("https://corp.example");
  expect(screen.queryByRole("button", { name: "Link an identity" })).toBeNull();
});

it("links an identity, and says at the field what is wrong with it", async () => {
  gateway([]);
  const post = vi.spyOn(api, "POST").mockResolvedValueOnce(refusal(409, "It is bob’s.")).mockResolvedValueOnce(answer(IDENTITY));
  const { user } = show(<IdentitiesPanel userId="ann" closed={false} />);
  await user.click(await screen.findByRole("button", { name: "Link an identity" }));
  const dialog = within(screen.getByRole("dialog"));
  await user.type(dialog.getByLabelText("Subject"), " 00u1 ");
  await user.click(dialog.getByRole("button", { name: "Link it" }));
  expect((await dialog.findByRole("alert")).textContent).toBe("It is bob’s.");
  await user.click(dialog.getByRole("button", { name: "Link it" }));
  await waitFor(() => {
    expect(screen.queryByRole("dialog")).toBeNull();
  });
  expect(post).toHaveBeenLastCalledWith("/admin/users/{user_id}/identities", {
    params: { path: { user_id: "ann" } },
    body: { provider: "corp", subject: "00u1" },
  });
});

it("unlinks one only after saying what ends", async () => {
  gateway([IDENTITY]);
  const removed = vi.spyOn(api, "DELETE").mockResolvedValue(answer(IDENTITY));
  const { user } = show(<IdentitiesPanel userId="ann" closed={false} />);
  await user.click(await screen.findByRole("button", { name: "Unlink 00u1 at Example Corp" }));
  expect(removed).not.toHaveBeenCalled();
  expect(screen.getByText(/the sessions that began by it end now/)).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Unlink it" }));
  expect(removed).toHaveBeenCalledWith("/admin/users/{user_id}/identities/{identity_id}", { params: { path: { user_id: "ann", identity_id: "idn_1" } } });
});
