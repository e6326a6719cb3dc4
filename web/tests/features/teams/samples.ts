import type { TeamRow } from "~/features/teams/teams";

export function teamOf(id: string, some: Partial<TeamRow> = {}): TeamRow {
  return {
    team_id: id,
    name: null,
    address: null,
    tax_id: null,
    status: "active",
    created_at: "2026-11-01T00:00:00Z",
    closed_at: null,
    members: 0,
    limits: { alerts: null, allowed_models: null, models: {} } as unknown as TeamRow["limits"],
    month: { requests: 1, total_tokens: 10, cost_usd: "0.1" },
    usage: {},
    ...some,
  };
}
