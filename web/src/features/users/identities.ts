/** A user's identities at OpenID providers, by which they sign in. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";

export type Identity = Schemas["IdentityBody"];

const key = (userId: string) => ["identities", userId] as const;

export function useIdentities(userId: string) {
  return useQuery({
    queryKey: key(userId),
    queryFn: () => body(api.GET("/admin/users/{user_id}/identities", { params: { path: { user_id: userId } } })),
  });
}

function useIdentityChange<Form, Done>(userId: string, change: (form: Form) => Promise<Done>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => queries.invalidateQueries({ queryKey: key(userId) }) });
}

export function useLinkIdentity(userId: string) {
  return useIdentityChange(userId, (form: Schemas["IdentityForm"]) =>
    body(api.POST("/admin/users/{user_id}/identities", { params: { path: { user_id: userId } }, body: form })),
  );
}

export function useUnlinkIdentity(userId: string) {
  return useIdentityChange(userId, (id: string) =>
    body(api.DELETE("/admin/users/{user_id}/identities/{identity_id}", { params: { path: { user_id: userId, identity_id: id } } })),
  );
}
