import { QueryClient } from "@tanstack/react-query";
import { afterEach, describe, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { userChanges } from "~/features/users/changes";
import { oneKey, type UserRow } from "~/features/users/users";
import type { Notice } from "~/ui/useNotices";

import { answer, refusal } from "../../render";

afterEach(() => vi.restoreAllMocks());

const ANN = { user_id: "ann", status: "active" } as UserRow;

function begin() {
  const queries = new QueryClient();
  queries.setQueryData(oneKey("ann"), ANN);
  const notices: Notice[] = [];
  const changes = userChanges(queries, (notice) => notices.push(notice));
  return { changes, notices, status: () => queries.getQueryData<UserRow>(oneKey("ann"))?.status };
}

describe("suspending a user", () => {
  it("shows before the gateway answers, and can be undone once", async () => {
    const sent = vi.spyOn(api, "PATCH").mockResolvedValue(answer({}));
    const { changes, notices, status } = begin();
    const done = changes.setStatus(ANN, "suspended");
    expect(status()).toBe("suspended");
    await done;
    expect(notices[0]).toMatchObject({ state: "good" });
    notices[0]?.undo?.();
    expect(status()).toBe("active");
    await vi.waitFor(() => expect(notices).toHaveLength(2));
    expect(notices[1]?.undo).toBeUndefined();
    expect(sent).toHaveBeenCalledTimes(2);
  });

  it("is taken back where the gateway refuses it", async () => {
    vi.spyOn(api, "PATCH").mockResolvedValue(refusal(409, "This is the last admin."));
    const { changes, notices, status } = begin();
    await changes.setStatus(ANN, "suspended");
    expect(status()).toBe("active");
    expect(notices).toEqual([{ state: "bad", text: "This is the last admin." }]);
  });
});
