/** End users: the people whom a user's keys act for. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import type { LimitsChange } from "~/features/limits/change";
import { useIsAdmin } from "~/features/session/session";

export type EndUser = Schemas["EndUserBody"];

export const END_USERS = ["end-users"] as const;
const ROWS = 50;

/** The end users of a user, page by page; `q` is part of what the user's app calls them. */
export function useEndUsers(userId: string, q: string) {
  return useInfiniteQuery({
    queryKey: [...END_USERS, "of", userId, q],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/admin/users/{user_id}/end-users", {
          params: {
            path: { user_id: userId },
            query: { limit: ROWS, ...(q !== "" && { q }), ...(pageParam !== null && { after: pageParam }) },
          },
        }),
      ),
    getNextPageParam: ({ next }) => next ?? null,
  });
}

/** The end user with an id: for users, one of their own. */
export function useEndUser(id: string) {
  const admin = useIsAdmin();
  return useQuery({
    queryKey: [...END_USERS, "one", admin, id],
    queryFn: () => (admin ? body(api.GET("/admin/end-users/{end_user_id}", { params: { path: { end_user_id: id } } })) : readOwn(id)),
    // Who is nobody is nobody later, either.
    retry: false,
  });
}

async function readOwn(id: string): Promise<EndUser> {
  const [found] = (await body(api.GET("/me/end-users", { params: { query: { id } } }))).data;
  if (found === undefined) throw new Error(`Your keys act for nobody with the id ${id}.`);
  return found;
}

function useEndUserChange<Form, Done>(change: (form: Form) => Promise<Done>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => queries.invalidateQueries({ queryKey: END_USERS }) });
}

export function useSetEndUserLimits() {
  return useEndUserChange(({ id, change }: { id: string; change: LimitsChange }) =>
    body(api.PUT("/admin/end-users/{end_user_id}/limits", { params: { path: { end_user_id: id } }, body: change })),
  );
}

export function useSetEndUserStatus() {
  return useEndUserChange(({ id, status }: { id: string; status: "active" | "blocked" }) =>
    body(api.PATCH("/admin/end-users/{end_user_id}", { params: { path: { end_user_id: id } }, body: { status } })),
  );
}

export function useEraseEndUser() {
  return useEndUserChange((id: string) => body(api.DELETE("/admin/end-users/{end_user_id}", { params: { path: { end_user_id: id } } })));
}

/** Whom people mean: what the app calls the person, or the id of one who is erased. */
export function personOf({ value, id }: Pick<EndUser, "value" | "id">): string {
  return value ?? id;
}
