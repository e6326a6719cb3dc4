/** Changes to a user that show at once, are announced in words, and can be undone with one click. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";

import { api, body, messageOf } from "~/api/client";
import { describeChange, inverse, type LimitsChange, withChange } from "~/features/limits/change";
import type { Limits } from "~/features/limits/names";
import { limitsKey, patchUser, type UserRow, USERS } from "~/features/users/users";
import { type Notify, useNotices } from "~/ui/useNotices";

type Status = UserRow["status"];

export interface UserChanges {
  setStatus: (user: Pick<UserRow, "user_id" | "status">, status: Status) => Promise<void>;
  /** Rejects with the gateway's error after the pages show the old limits again. */
  setLimits: (userId: string, before: Limits, change: LimitsChange) => Promise<void>;
  /** For somebody who has lost theirs. */
  resetSecondFactor: (userId: string) => Promise<void>;
  /** Read again what is shown of users. */
  refresh: () => Promise<void>;
}

export function useUserChanges(): UserChanges {
  const queries = useQueryClient();
  const { notify } = useNotices();
  return useMemo(() => userChanges(queries, notify), [queries, notify]);
}

export function userChanges(queries: QueryClient, notify: Notify): UserChanges {
  const refresh = () => queries.invalidateQueries({ queryKey: USERS });

  async function resetSecondFactor(userId: string) {
    try {
      await body(api.PATCH("/admin/users/{user_id}", { params: { path: { user_id: userId } }, body: { second_factor: "off" } }));
      notify({ state: "good", text: `${userId} has no second factor any more: the password alone signs them in.` });
    } catch (error) {
      notify({ state: "bad", text: messageOf(error) });
    }
    void refresh();
  }

  async function setStatus({ user_id: userId, status: before }: Pick<UserRow, "user_id" | "status">, status: Status, undoing = false) {
    patchUser(queries, userId, (row) => ({ ...row, status }));
    try {
      await body(api.PATCH("/admin/users/{user_id}", { params: { path: { user_id: userId } }, body: { status } }));
      const undo = () => void setStatus({ user_id: userId, status }, before, true);
      notify({ state: "good", text: statusText(userId, status), ...(undoing ? {} : { undo }) });
    } catch (error) {
      patchUser(queries, userId, (row) => ({ ...row, status: before }));
      notify({ state: "bad", text: messageOf(error) });
    }
    void refresh();
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
        setLimits(userId, after, inverse(before, change), true).catch((error: unknown) => notify({ state: "bad", text: messageOf(error) }));
      };
      const text = undoing ? `Limits of ${userId} are as before.` : `${userId}, ${describeChange(change)}. In force at the next request.`;
      notify({ state: "good", text, ...(undoing ? {} : { undo }) });
    } catch (error) {
      patchUser(queries, userId, (row) => ({ ...row, usage: usage ?? row.usage }));
      throw error;
    } finally {
      queries.removeQueries({ queryKey: limitsKey(userId), type: "inactive" });
      void refresh();
    }
  }

  return { resetSecondFactor, setStatus: (user, status) => setStatus(user, status), setLimits: (userId, before, change) => setLimits(userId, before, change), refresh };
}

function statusText(userId: string, status: Status): string {
  return status === "suspended"
    ? `${userId} is suspended. What ran for them was stopped; new requests and sign-ins are refused.`
    : `${userId} is active. Their keys work again.`;
}
