/** Users: lists of them and single ones, as the API gives them and the cache keeps them. */
import { keepPreviousData, type QueryClient, replaceEqualDeep, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { TOP } from "~/features/usage/top";
import { approximate } from "~/ui/format/money";
import type { Period } from "~/ui/period";

export type UserRow = Schemas["UserRow"];
export type UserList = Schemas["UserList"];

export const USERS = ["users"] as const;
export const LIST = [...USERS, "list"] as const;
const ONE = [...USERS, "one"] as const;
export const oneKey = (userId: string) => [...ONE, userId] as const;
export const limitsKey = (userId: string) => [...USERS, "limits", userId] as const;

/** Whether the person of an account was forgotten: its id is the one that is left then. */
export function isErased({ user_id: userId, status }: Pick<UserRow, "user_id" | "status">): boolean {
  return status === "closed" && /^u_[0-9a-f]{24}$/.test(userId);
}

/** By what a list can be sorted. */
export const SORTS = ["user_id", "requests", "tokens", "cost", "last_seen", "created"] as const;
export type SortName = (typeof SORTS)[number];
export type Order = "asc" | "desc";

export interface UsersQuery {
  q?: string;
  status?: UserRow["status"];
  role?: UserRow["role"];
  sort?: SortName;
  order?: Order;
  /** The period whose figures rows have as `period`. */
  from?: string;
  to?: string;
  limit?: number;
  after?: string;
}

/** A list as it was read anew, in the order of before: those who are new in it come last. */
export function inOrderOf(before: UserList, read: UserList): UserList {
  const places = new Map(before.data.map((row, place) => [row.user_id, place]));
  const placeOf = (row: UserRow) => places.get(row.user_id) ?? places.size;
  return { ...read, data: read.data.toSorted((one, other) => placeOf(one) - placeOf(other)) };
}

/** A page of users. `keepsOrder` is asked when the same page was read anew: whether its rows stay where they were. */
export function useUsers(query: UsersQuery, keepsOrder: () => boolean) {
  return useQuery<UserList>({
    queryKey: [...LIST, query],
    structuralSharing: (before, read) => {
      const kept = before !== undefined && keepsOrder() ? inOrderOf(before as UserList, read as UserList) : read;
      return replaceEqualDeep(before, kept);
    },
    queryFn: () => body(api.GET("/admin/users", { params: { query } })),
    placeholderData: keepPreviousData,
  });
}

export const TOP_USERS = [...USERS, "top"] as const;

/** Those who cost most in a period, then those with most requests. */
export function useTopUsers({ from, to }: Period) {
  const query = { from, to, sort: "cost", order: "desc", limit: TOP } as const;
  return useQuery({
    queryKey: [...TOP_USERS, query],
    queryFn: () => body(api.GET("/admin/users", { params: { query } })),
    placeholderData: keepPreviousData,
    select: ({ data }) => data.flatMap(({ user_id: id, period }) => (period == null || isNothing(period) ? [] : [{ id, ...period }])),
  });
}

function isNothing({ requests, cost_usd: cost }: { requests: number; cost_usd: string }): boolean {
  return requests === 0 && approximate(cost) === 0;
}

export function useUser(userId: string) {
  const path = { user_id: userId };
  return useQuery({ queryKey: oneKey(userId), queryFn: () => body(api.GET("/admin/users/{user_id}", { params: { path } })) });
}

/** The users in a team: for admins, and for admins of the team. */
export function useMembers(teamId: string, query: { limit: number; after?: string }) {
  const path = { team_id: teamId };
  return useQuery({
    queryKey: [...LIST, "of team", teamId, query],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/admin/teams/{team_id}/members", { params: { path, query } })),
  });
}

/** A user's limits and what is used of them; read anew each time, as they are about to be edited. */
export function useUserLimits(userId: string) {
  const path = { user_id: userId };
  return useQuery({
    queryKey: limitsKey(userId),
    queryFn: () => body(api.GET("/admin/users/{user_id}/limits", { params: { path } })),
    staleTime: 0,
  });
}

/** Change a user in every cached list and by itself. */
export function patchUser(queries: QueryClient, userId: string, patch: (row: UserRow) => UserRow): void {
  queries.setQueryData<UserRow>(oneKey(userId), (row) => row && patch(row));
  queries.setQueriesData<UserList>({ queryKey: LIST }, (list) => list && { ...list, data: list.data.map((row) => (row.user_id === userId ? patch(row) : row)) });
}
