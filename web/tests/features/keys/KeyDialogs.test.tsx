import { screen } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { expiryOf, MakeKey } from "~/features/keys/KeyDialogs";
import { clockOf, UTC } from "~/ui/clock";

import { answer, show } from "../../render";

const KEY = "sk-ann-secret";
const closed = vi.fn();

beforeEach(() => {
  closed.mockReset();
  vi.restoreAllMocks();
});

it("keeps a new key in view until its reader has it: neither Esc nor a cross takes it away", async () => {
  vi.spyOn(api, "POST").mockResolvedValue(answer({ api_key: KEY }));
  const { user } = show(<MakeKey onClose={closed} />);
  await user.click(screen.getByRole("button", { name: "Make the key" }));
  await screen.findByText(KEY);
  await user.keyboard("{Escape}");
  expect(document.querySelector(".mantine-Modal-close")).toBeNull();
  expect(closed).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "I have kept it" }));
  expect(closed).toHaveBeenCalledOnce();
});

it("cannot be left while the key is made, or it would be made unseen", async () => {
  let made: (value: never) => void = () => undefined;
  vi.spyOn(api, "POST").mockReturnValue(new Promise((resolve) => (made = resolve)));
  const { user } = show(<MakeKey onClose={closed} />);
  await user.click(screen.getByRole("button", { name: "Make the key" }));
  await user.keyboard("{Escape}");
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  expect(closed).not.toHaveBeenCalled();
  made(answer({ api_key: KEY }));
  await screen.findByText(KEY);
});

describe("the end of a key", () => {
  const now = new Date("2026-11-20T12:00:00Z");

  it("is that of the day, on the clock of the page", () => {
    expect(expiryOf("day", "2026-12-31", now, UTC)?.toISOString()).toBe("2027-01-01T00:00:00.000Z");
    expect(expiryOf("day", "2027-03-28", now, clockOf("Europe/Berlin"))?.toISOString()).toBe("2027-03-28T22:00:00.000Z");
  });

  it("is counted from now, or is none", () => {
    expect(expiryOf("week", "", now, UTC)?.toISOString()).toBe("2026-11-27T12:00:00.000Z");
    expect(expiryOf("never", "2026-12-31", now, UTC)).toBeNull();
  });
});

describe("whom a key acts for", () => {
  it("is for admins to choose, and the user alone unless they do", async () => {
    const post = vi.spyOn(api, "POST").mockResolvedValue(answer({ api_key: KEY }));
    const { user } = show(<MakeKey userId="app" onClose={closed} />);
    await user.selectOptions(screen.getByRole("combobox", { name: /It acts for/ }), "people named in a header");
    await user.click(screen.getByRole("button", { name: "Make the key" }));
    expect(post).toHaveBeenCalledWith("/admin/users/{user_id}/keys", {
      params: { path: { user_id: "app" } },
      body: { acts_for: "users", acts_from: "headers" },
    });
  });

  it("is no choice for one’s own keys", () => {
    show(<MakeKey onClose={closed} />);
    expect(screen.queryByRole("combobox", { name: /It acts for/ })).toBeNull();
  });
});
