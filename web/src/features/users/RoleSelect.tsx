import { Select, type SelectProps } from "@mantine/core";

import type { UserRow } from "~/features/users/users";

type Role = UserRow["role"];

/** The choice of a user's role. */
export function RoleSelect({ value, onChange, ...others }: { value: Role; onChange: (role: Role) => void } & Pick<SelectProps, "description" | "error">) {
  return (
    <Select
      label="Role"
      allowDeselect={false}
      data={[
        { value: "user", label: "User" },
        { value: "admin", label: "Admin" },
      ]}
      value={value}
      onChange={(role) => onChange(role === "admin" ? "admin" : "user")}
      {...others}
    />
  );
}
