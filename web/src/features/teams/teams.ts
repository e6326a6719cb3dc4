/** Teams: lists of them, single ones, and their limits, as the API gives them. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";

export type TeamRow = Schemas["TeamRow"];

export const TEAMS = ["teams"] as const;
/** Pages show what is used of a team's limits; nothing pushes it. */
const FRESH_MS = 15_000;

export interface TeamsQuery {
  q?: string;
  status?: TeamRow["status"];
  limit?: number;
  after?: string;
}

export function useTeams(query: TeamsQuery) {
  return useQuery({
    queryKey: [...TEAMS, "list", query],
    placeholderData: keepPreviousData,
    refetchInterval: FRESH_MS,
    queryFn: () => body(api.GET("/admin/teams", { params: { query } })),
  });
}

export function useTeam(teamId: string) {
  const path = { team_id: teamId };
  return useQuery({
    queryKey: [...TEAMS, "one", teamId],
    refetchInterval: FRESH_MS,
    queryFn: () => body(api.GET("/admin/teams/{team_id}", { params: { path } })),
  });
}

/** A team's limits and what is used of them; read anew each time, as they are about to be edited. */
export function useTeamLimits(teamId: string) {
  const path = { team_id: teamId };
  return useQuery({
    queryKey: [...TEAMS, "limits", teamId],
    staleTime: 0,
    queryFn: () => body(api.GET("/admin/teams/{team_id}/limits", { params: { path } })),
  });
}

/** The name of a team, or else its id. */
export function titleOf({ team_id: id, name }: Pick<TeamRow, "team_id" | "name">): string {
  return name ?? id;
}
