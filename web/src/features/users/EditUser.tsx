import { Checkbox, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "~/api/client";
import { TEAMS } from "~/features/teams/teams";
import { TeamSelect } from "~/features/teams/TeamSelect";
import { useUserChanges } from "~/features/users/changes";
import { errorElsewhere, messageAt, UserDialog, type UserDialogProps, type UserFormProps } from "~/features/users/UserDialog";
import { RoleSelect } from "~/features/users/RoleSelect";
import { DialogForm } from "~/ui/DialogForm";
import { useNotices } from "~/ui/useNotices";

/** Changes a user's name, team, role and password. */
export function EditUser(props: UserDialogProps) {
  return (
    <UserDialog {...props} title={`Change ${props.user.user_id}`}>
      <EditForm user={props.user} onClose={props.onClose} />
    </UserDialog>
  );
}

function EditForm({ user, onClose }: UserFormProps) {
  const queries = useQueryClient();
  const { refresh } = useUserChanges();
  const { notify } = useNotices();
  const [name, setName] = useState(user.name ?? "");
  const [team, setTeam] = useState(user.team ?? "");
  const [leads, setLeads] = useState(user.team_admin);
  const [role, setRole] = useState(user.role);
  const [password, setPassword] = useState("");
  const [without, setWithout] = useState(false);
  const wanted: Schemas["UserForm"] = {
    ...(name.trim() === (user.name ?? "") ? {} : { name: name.trim() === "" ? null : name.trim() }),
    ...(team === (user.team ?? "") ? {} : { team: team === "" ? null : team }),
    // Whoever moves is an admin of the new team only if that is said.
    ...(leads === user.team_admin && (team === (user.team ?? "") || !leads) ? {} : { team_admin: leads }),
    ...(role === user.role ? {} : { role }),
    ...(without ? { password: null } : password === "" ? {} : { password }),
  };
  const change = useMutation({
    mutationFn: () => body(api.PATCH("/admin/users/{user_id}", { params: { path: { user_id: user.user_id } }, body: wanted })),
    onSuccess: () => {
      notify({ state: "good", text: `${user.user_id} is changed.${"role" in wanted || "password" in wanted ? " They are signed out everywhere." : ""}` });
      void refresh();
      void queries.invalidateQueries({ queryKey: TEAMS });
      onClose();
    },
  });
  return (
    <DialogForm
      action="Save"
      ready={Object.keys(wanted).length > 0}
      busy={change.isPending}
      error={errorElsewhere(change.error, ["name", "team", "team_admin", "role", "password"])}
      onSubmit={() => change.mutate()}
      onCancel={onClose}
    >
      <TextInput
        label="Name"
        description="As people call them; may be left empty"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={messageAt(change.error, "name")}
        maxLength={200}
        autoComplete="off"
        data-autofocus
      />
      <TeamSelect
        description="In force at the next request. What was used before stays with the old team."
        value={team}
        onChange={(chosen) => {
          setTeam(chosen);
          if (chosen !== (user.team ?? "")) setLeads(false);
        }}
        error={messageAt(change.error, "team")}
      />
      <Checkbox
        size="xs"
        label="An admin of this team: sees its members, and limits them within the team’s limits"
        checked={leads}
        onChange={(event) => setLeads(event.currentTarget.checked)}
        disabled={team === ""}
        error={messageAt(change.error, "team_admin")}
      />
      <RoleSelect
        description="Admins see and change everything. Another role ends their sessions."
        value={role}
        onChange={setRole}
        error={messageAt(change.error, "role")}
      />
      <PasswordInput
        label="New password"
        description="At least 6 characters. They are signed out everywhere; empty leaves it as it is."
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        error={messageAt(change.error, "password")}
        minLength={6}
        autoComplete="new-password"
        disabled={without}
      />
      <Checkbox
        size="xs"
        label="Take their password away: keys work on, signing in does not"
        checked={without}
        onChange={(event) => setWithout(event.currentTarget.checked)}
      />
    </DialogForm>
  );
}
