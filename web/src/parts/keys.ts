/** Keys of oneself, or (an admin's) of the user named: what there is, and what can be done with them. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";

export type Key = Schemas["KeyBody"];
export type NewKey = Schemas["NewKeyBody"];

const ALL = 1000;

function keyOf(userId: string | undefined) {
  return ["keys", userId ?? null] as const;
}

export function useKeys(userId: string | undefined) {
  const query = { limit: ALL };
  return useQuery({
    queryKey: keyOf(userId),
    queryFn: () =>
      body(
        userId === undefined
          ? api.GET("/me/keys", { params: { query } })
          : api.GET("/admin/users/{user_id}/keys", { params: { path: { user_id: userId }, query } }),
      ),
  });
}

function useKeyChange<Wanted, Done>(userId: string | undefined, change: (wanted: Wanted) => Promise<Done>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queries.invalidateQueries({ queryKey: keyOf(userId) }),
  });
}

export function useMakeKey(userId: string | undefined) {
  return useKeyChange(userId, (wanted: Schemas["NewKeyForm"]) =>
    body(
      userId === undefined
        ? api.POST("/me/keys", { body: wanted })
        : api.POST("/admin/users/{user_id}/keys", { params: { path: { user_id: userId } }, body: wanted }),
    ),
  );
}

export function useRotateKey(userId: string | undefined) {
  return useKeyChange(userId, ({ id, graceSeconds }: { id: string; graceSeconds: number }) => {
    const call = { params: { path: { key_id: id } }, body: { grace_seconds: graceSeconds } };
    return body(userId === undefined ? api.POST("/me/keys/{key_id}/rotate", call) : api.POST("/admin/keys/{key_id}/rotate", call));
  });
}

export function useRevokeKey(userId: string | undefined) {
  return useKeyChange(userId, (id: string) => {
    const params = { path: { key_id: id } };
    return body(userId === undefined ? api.DELETE("/me/keys/{key_id}", { params }) : api.DELETE("/admin/keys/{key_id}", { params }));
  });
}

/** As people speak of it: by its name where it has one. */
export function called(key: Key): string {
  return key.name === null ? key.prefix : `“${key.name}” (${key.prefix})`;
}
