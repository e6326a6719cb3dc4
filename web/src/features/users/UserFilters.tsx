/** The filters of the list of users, kept in the URL. */
import { Select } from "@mantine/core";

import type { UserRow, UsersQuery } from "~/features/users/users";
import { TextFilter } from "~/ui/TextFilter";
import { useFilter } from "~/ui/urlState";

import classes from "./UserFilters.module.css";

const STATUSES: Record<UserRow["status"], string> = { active: "Active", suspended: "Suspended", closed: "Closed" };
const ROLES: Record<UserRow["role"], string> = { user: "Users", admin: "Admins" };

/** Their parameters of the URL. */
export const FILTERS = ["q", "status", "role"] as const;

/** The filters that the URL sets. */
export function useUserFilters(): Pick<UsersQuery, "q" | "status" | "role"> {
  const [q] = useFilter("q");
  const [status] = useFilter("status");
  const [role] = useFilter("role");
  return {
    ...(q === "" ? {} : { q }),
    ...(status in STATUSES ? { status: status as UserRow["status"] } : {}),
    ...(role in ROLES ? { role: role as UserRow["role"] } : {}),
  };
}

export function UserFilters() {
  const [status, setStatus] = useFilter("status");
  const [role, setRole] = useFilter("role");
  return (
    <div className={classes["filters"]} role="search">
      <TextFilter name="q" label="Search users by id or name" placeholder="Search by id or name" className={classes["search"]} />
      <Choice label="Status" all="Any status" options={STATUSES} value={status} onValue={setStatus} />
      <Choice label="Role" all="Any role" options={ROLES} value={role} onValue={setRole} />
    </div>
  );
}

interface ChoiceProps {
  label: string;
  all: string;
  options: Record<string, string>;
  value: string;
  onValue: (value: string) => void;
}

function Choice({ label, all, options, value, onValue }: ChoiceProps) {
  return (
    <Select
      className={classes["choice"] ?? ""}
      size="xs"
      aria-label={label}
      allowDeselect={false}
      data={[{ value: "", label: all }, ...Object.entries(options).map(([name, words]) => ({ value: name, label: words }))]}
      value={value in options ? value : ""}
      onChange={(chosen) => onValue(chosen ?? "")}
    />
  );
}
