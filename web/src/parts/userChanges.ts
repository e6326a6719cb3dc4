/** What an admin does to a user: shown at once, told in words, taken back in one click. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";

import { api, body } from "~/api/client";
import { inverse, type Limits, type LimitsChange, toldOf, withChange } from "~/parts/limits";
import { type Notice, useNotices } from "~/parts/notice";
import { limitsKey, patchUser, type UserRow, USERS } from "~/parts/users";

type Status = UserRow["status"];

export interface UserChanges {
  setStatus: (user: Pick<UserRow, "user_id" | "status">, status: Status) => Promise<void>;
  /** Rejects with what the gateway answers where it refuses, after the pages show again what was. */
  setLimits: (userId: string, before: Limits, change: LimitsChange) => Promise<void>;
  /** Ask again for what is shown of users. */
  settled: () => Promise<void>;
}

export function useUserChanges(): UserChanges {
  const queries = useQueryClient();
  const { tell } = useNotices();
  return useMemo(() => userChanges(queries, tell), [queries, tell]);
}

export function userChanges(queries: QueryClient, tell: (notice: Notice) => void): UserChanges {
  const settled = () => queries.invalidateQueries({ queryKey: USERS });

  async function setStatus({ user_id: userId, status: before }: Pick<UserRow, "user_id" | "status">, status: Status, undoing = false) {
    patchUser(queries, userId, (row) => ({ ...row, status }));
    try {
      await body(api.PATCH("/admin/users/{user_id}", { params: { path: { user_id: userId } }, body: { status } }));
      const undo = () => void setStatus({ user_id: userId, status }, before, true);
      tell({ state: "good", text: statusText(userId, status), ...(undoing ? {} : { undo }) });
    } catch (fault) {
      patchUser(queries, userId, (row) => ({ ...row, status: before }));
      tell({ state: "bad", text: words(fault) });
    }
    void settled();
  }

  async function setLimits(userId: string, before: Limits, change: LimitsChange, undoing = false) {
    let usage: UserRow["usage"] | undefined;
    patchUser(queries, userId, (row) => {
      usage = row.usage;
      return { ...row, usage: withChange(row.usage, change) };
    });
    try {
      const path = { user_id: userId };
      const after = await body(api.PUT("/admin/users/{user_id}/limits", { params: { path }, body: change }));
      const undo = () => {
        setLimits(userId, after, inverse(before, change), true).catch((fault: unknown) => tell({ state: "bad", text: words(fault) }));
      };
      const text = undoing ? `Limits of ${userId} are as before.` : `${userId}, ${toldOf(change)}. In force at the next request.`;
      tell({ state: "good", text, ...(undoing ? {} : { undo }) });
    } catch (fault) {
      patchUser(queries, userId, (row) => ({ ...row, usage: usage ?? row.usage }));
      throw fault;
    } finally {
      queries.removeQueries({ queryKey: limitsKey(userId), type: "inactive" });
      void settled();
    }
  }

  return { setStatus: (user, status) => setStatus(user, status), setLimits: (userId, before, change) => setLimits(userId, before, change), settled };
}

function statusText(userId: string, status: Status): string {
  return status === "suspended"
    ? `${userId} is suspended. What ran for them was stopped; new requests and sign-ins are refused.`
    : `${userId} is active. Their keys work again.`;
}

function words(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
