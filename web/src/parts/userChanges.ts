/** What an admin does to a user: shown at once, told in words, taken back in one click. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";

import { api, body } from "~/api/client";
import { inverse, type Limits, type LimitsChange, toldOf, withChange } from "~/parts/limits";
import { useNotices } from "~/parts/notice";
import { limitsKey, patchUser, type UserRow, USERS } from "~/parts/users";

export function useUserChanges() {
  const queries = useQueryClient();
  const { tell } = useNotices();

  const settled = useCallback(() => queries.invalidateQueries({ queryKey: USERS }), [queries]);

  const setStatus = useCallback(
    async (user: Pick<UserRow, "user_id" | "status">, status: UserRow["status"], undoing = false) => {
      const { user_id: userId, status: before } = user;
      patchUser(queries, userId, (row) => ({ ...row, status }));
      try {
        await body(api.PATCH("/admin/users/{user_id}", { params: { path: { user_id: userId } }, body: { status } }));
        const text =
          status === "suspended"
            ? `${userId} is suspended. What ran for them was stopped; new requests and sign-ins are refused.`
            : `${userId} is active. Their keys work again.`;
        const undo = () => void setStatus({ user_id: userId, status }, before, true);
        tell(undoing ? { state: "good", text } : { state: "good", text, undo });
      } catch (fault) {
        patchUser(queries, userId, (row) => ({ ...row, status: before }));
        tell({ state: "bad", text: words(fault) });
      } finally {
        void settled();
      }
    },
    [queries, tell, settled],
  );

  /** Throws what the gateway answers where it refuses, after the pages show again what was. */
  const setLimits = useCallback(
    async (userId: string, before: Limits, change: LimitsChange, undoing = false): Promise<void> => {
      const usages = new Map<string, UserRow["usage"]>();
      patchUser(queries, userId, (row) => {
        usages.set(userId, row.usage);
        return { ...row, usage: withChange(row.usage, change) };
      });
      try {
        const path = { user_id: userId };
        const after = await body(api.PUT("/admin/users/{user_id}/limits", { params: { path }, body: change }));
        const undo = () => void setLimits(userId, after, inverse(before, change), true).catch((fault: unknown) => tell({ state: "bad", text: words(fault) }));
        const text = undoing ? `${userId}, as before: ${toldOf(change)}.` : `${userId}, ${toldOf(change)}. In force at the next request.`;
        tell(undoing ? { state: "good", text } : { state: "good", text, undo });
      } catch (fault) {
        patchUser(queries, userId, (row) => ({ ...row, usage: usages.get(userId) ?? row.usage }));
        throw fault;
      } finally {
        queries.removeQueries({ queryKey: limitsKey(userId), type: "inactive" });
        void settled();
      }
    },
    [queries, tell, settled],
  );

  return useMemo(() => ({ setStatus, setLimits, settled }), [setStatus, setLimits, settled]);
}

export function words(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
