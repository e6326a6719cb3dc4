/** The filters of the list of users, kept in the URL. */
import { Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";

import type { UserRow, UsersQuery } from "~/features/users/users";
import { useFilter } from "~/ui/urlState";

import classes from "./UserFilters.module.css";

const STATUSES: Record<UserRow["status"], string> = { active: "Active", suspended: "Suspended", closed: "Closed" };
const ROLES: Record<UserRow["role"], string> = { user: "Users", admin: "Admins" };

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
      <Search />
      <Choice label="Status" all="Any status" options={STATUSES} value={status} onValue={setStatus} />
      <Choice label="Role" all="Any role" options={ROLES} value={role} onValue={setRole} />
    </div>
  );
}

const WAIT_MS = 250;

/** Searches a moment after the last key. When the URL changes otherwise (by a link or the back button), the field follows it. */
function Search() {
  const [q, setQ] = useFilter("q");
  const [text, setText] = useState(q);
  const [seen, setSeen] = useState(q);
  const [sent, setSent] = useState(q);
  if (q !== seen) {
    setSeen(q);
    if (q !== sent) setText(q);
  }
  const look = useDebouncedCallback((typed: string) => {
    setSent(typed.trim());
    setQ(typed.trim());
  }, WAIT_MS);
  return (
    <TextInput
      className={classes["search"] ?? ""}
      size="xs"
      type="search"
      aria-label="Search users by id or name"
      placeholder="Search by id or name"
      leftSection={<IconSearch size={14} aria-hidden />}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        look(event.currentTarget.value);
      }}
    />
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
