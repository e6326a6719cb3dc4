import { Select, type SelectProps } from "@mantine/core";

import { titleOf, useTeams } from "~/features/teams/teams";

const MOST = 1000;

interface Props extends Pick<SelectProps, "description" | "error"> {
  /** "" is no team. */
  value: string;
  onChange: (teamId: string) => void;
}

/** The choice of a user's team, of those that are open. */
export function TeamSelect({ value, onChange, ...others }: Props) {
  const { data } = useTeams({ status: "active", limit: MOST });
  const teams = (data?.data ?? []).map((team) => ({ value: team.team_id, label: titleOf(team) }));
  const known = value === "" || teams.some((team) => team.value === value);
  return (
    <Select
      label="Team"
      placeholder="No team"
      data={known ? teams : [...teams, { value, label: value }]}
      value={value === "" ? null : value}
      onChange={(chosen) => onChange(chosen ?? "")}
      searchable
      clearable
      clearButtonProps={{ "aria-label": "No team" }}
      nothingFoundMessage="No team of that name"
      {...others}
    />
  );
}
