import { screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { CloseTeam, EditTeam, NewTeam } from "~/features/teams/TeamForms";

import { answer, refusal, sessionOf, show } from "../../render";
import { teamOf } from "./samples";

const close = vi.fn();
const ADMIN = { session: sessionOf("admin") };

beforeEach(() => {
  vi.restoreAllMocks();
  close.mockReset();
});

describe("a new team", () => {
  it("is made of what was filled in", async () => {
    const sent = vi.spyOn(api, "POST").mockResolvedValue(answer(teamOf("blue")));
    const { user } = show(<NewTeam opened close={close} />, ADMIN);
    await user.type(await screen.findByLabelText("Team id"), "blue");
    await user.type(screen.getByLabelText("Name"), " Blue ");
    await user.click(screen.getByRole("button", { name: "Make the team" }));
    await waitFor(() => expect(sent).toHaveBeenCalledWith("/admin/teams", { body: { team_id: "blue", name: "Blue" } }));
  });

  it("needs an id that can be one, and shows why the gateway refuses it", async () => {
    vi.spyOn(api, "POST").mockResolvedValue(refusal(409, "The team_id 'blue' is taken. Choose another."));
    const { user } = show(<NewTeam opened close={close} />, ADMIN);
    const field = await screen.findByLabelText("Team id");
    await user.type(field, "-");
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Make the team" }).disabled).toBe(true);
    await user.clear(field);
    await user.type(field, "blue");
    await user.click(screen.getByRole("button", { name: "Make the team" }));
    expect((await screen.findByRole("alert")).textContent).toContain("is taken");
    expect(close).not.toHaveBeenCalled();
  });
});

describe("a change to a team", () => {
  it("is of what differs, and null where a field was emptied", async () => {
    const sent = vi.spyOn(api, "PATCH").mockResolvedValue(answer(teamOf("blue")));
    const { user } = show(<EditTeam opened close={close} team={teamOf("blue", { name: "Blue", tax_id: "XX-1" })} />, ADMIN);
    const save = await screen.findByRole<HTMLButtonElement>("button", { name: "Save" });
    expect(save.disabled).toBe(true);
    await user.clear(screen.getByLabelText("Tax id"));
    await user.click(save);
    await waitFor(() => expect(close).toHaveBeenCalledOnce());
    expect(sent).toHaveBeenCalledWith("/admin/teams/{team_id}", { params: { path: { team_id: "blue" } }, body: { tax_id: null } });
  });
});

describe("closing a team", () => {
  it("is not offered while it has members", async () => {
    show(<CloseTeam opened close={close} team={teamOf("blue", { members: 2 })} />, ADMIN);
    expect((await screen.findByRole<HTMLButtonElement>("button", { name: "Close blue for good" })).disabled).toBe(true);
    screen.getByText(/still has members: 2/);
  });

  it("is done where it has none", async () => {
    const sent = vi.spyOn(api, "DELETE").mockResolvedValue(answer(teamOf("blue")));
    const { user } = show(<CloseTeam opened close={close} team={teamOf("blue")} />, ADMIN);
    await user.click(await screen.findByRole("button", { name: "Close blue for good" }));
    await waitFor(() => expect(close).toHaveBeenCalledOnce());
    expect(sent).toHaveBeenCalledOnce();
  });
});
