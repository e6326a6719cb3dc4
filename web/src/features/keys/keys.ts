/** Keys: one's own, or (for admins) those of the user named. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";
import { useIsAdmin } from "~/features/session/session";

export type Key = Schemas["KeyBody"];
export type NewKey = Schemas["NewKeyBody"];

function keysKey(userId: string | undefined) {
  return ["keys", userId ?? null] as const;
}

export function useKeys(userId: string | undefined) {
  return useQuery({
    queryKey: keysKey(userId),
    queryFn: () =>
      allPages<Key>((query) =>
        body(
          userId === undefined
            ? api.GET("/me/keys", { params: { query } })
            : api.GET("/admin/users/{user_id}/keys", { params: { path: { user_id: userId }, query } }),
        ),
      ),
  });
}

function useKeyChange<Form, Done>(userId: string | undefined, change: (form: Form) => Promise<Done>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queries.invalidateQueries({ queryKey: keysKey(userId) }),
  });
}

export function useMakeKey(userId: string | undefined) {
  return useKeyChange(userId, (form: Schemas["NewKeyForm"]) =>
    body(
      userId === undefined
        ? api.POST("/me/keys", { body: form })
        : api.POST("/admin/users/{user_id}/keys", { params: { path: { user_id: userId } }, body: form }),
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

/** The key as people speak of it: by its name, if it has one, and its prefix. */
export function nameOf({ name, prefix }: Pick<Key, "name" | "prefix">): string {
  return name === null ? prefix : `“${name}” (${prefix})`;
}

/** The key with an id: for users, one of their own. */
export function useKey(id: string) {
  const admin = useIsAdmin();
  const params = { path: { key_id: id } };
  return useQuery({
    queryKey: ["keys", "one", admin, id],
    queryFn: () => body(admin ? api.GET("/admin/keys/{key_id}", { params }) : api.GET("/me/keys/{key_id}", { params })),
    // What is no key is none later, either.
    retry: false,
  });
}
