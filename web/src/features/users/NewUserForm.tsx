import { Button, Group, PasswordInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type SyntheticEvent, useState } from "react";

import { api, ApiError, body, type Schemas } from "~/api/client";
import { sizeOf } from "~/features/limits/change";
import { useDefaultLimits } from "~/features/limits/DefaultLimitsPanel";
import { changeOf, draftOf, type Faults } from "~/features/limits/draft";
import { ANYWHERE, faultsOf } from "~/features/limits/faults";
import { LimitFields } from "~/features/limits/LimitFields";
import type { Limits } from "~/features/limits/names";
import { type Template, useTemplates } from "~/features/limits/templates";
import { TEAMS } from "~/features/teams/teams";
import { TeamSelect } from "~/features/teams/TeamSelect";
import { RoleSelect } from "~/features/users/RoleSelect";
import { USERS } from "~/features/users/users";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";

import classes from "./NewUser.module.css";

export type MadeUser = Schemas["NewUserBody"];

/** Makes a user with the limits of new users, those of a template, or others. */
export function NewUserForm({ onMade, close }: { onMade: (made: MadeUser) => void; close: () => void }) {
  const defaults = useDefaultLimits();
  const templates = useTemplates();
  const error = defaults.error ?? templates.error;
  if (error !== null) return <ErrorMessage error={error} />;
  if (!defaults.isFetchedAfterMount || !templates.isFetchedAfterMount || defaults.data === undefined || templates.data === undefined) {
    return <Loading height={330} />;
  }
  return <Fields defaults={defaults.data} templates={templates.data} onMade={onMade} close={close} />;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

interface FieldsProps {
  defaults: Limits;
  templates: readonly Template[];
  onMade: (made: MadeUser) => void;
  close: () => void;
}

function Fields({ defaults, templates, onMade, close }: FieldsProps) {
  const queries = useQueryClient();
  /** What the limits begin with: a template, or null for the limits of new users, as they were when it was chosen. */
  const [base, setBase] = useState<{ template: Template | null; limits: Limits }>({ template: null, limits: defaults });
  const [userId, setUserId] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<MadeUser["role"]>("user");
  const [team, setTeam] = useState("");
  const [password, setPassword] = useState("");
  const [limiting, setLimiting] = useState(false);
  const [draft, setDraft] = useState(() => draftOf(base.limits));
  const [refused, setRefused] = useState<Faults>({});
  const [busy, setBusy] = useState(false);
  const { change, faults } = changeOf(base.limits, draft);
  const badId = userId !== "" && !ID.test(userId.trim());
  const wrong = badId || Object.keys(faults).length > 0;

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (wrong) return;
    setBusy(true);
    const form: Schemas["NewUserForm"] = {
      user_id: userId.trim(),
      role,
      team_admin: false,
      ...(team === "" ? {} : { team }),
      ...(name.trim() === "" ? {} : { name: name.trim() }),
      ...(password === "" ? {} : { password }),
      ...(base.template === null ? {} : { limit_template: base.template.id }),
      ...(sizeOf(change) === 0 ? {} : { limits: change }),
    };
    body(api.POST("/admin/users", { body: form }))
      .then((made) => {
        void queries.invalidateQueries({ queryKey: USERS });
        void queries.invalidateQueries({ queryKey: TEAMS });
        onMade(made);
      })
      .catch((error: unknown) => {
        setRefused(faultsOf(error));
        if (error instanceof ApiError && error.param?.startsWith("limits") === true) setLimiting(true);
      })
      .finally(() => setBusy(false));
  };
  const begin = (id: string | null) => {
    const template = templates.find((each) => each.id === id) ?? null;
    const limits = template?.limits ?? defaults;
    setBase({ template, limits });
    setDraft(draftOf(limits));
  };
  const baseWords = base.template === null ? "those of new users" : `those of ${base.template.name ?? base.template.id}`;
  // An edit takes the gateway's messages away.
  const edit = <T,>(set: (value: T) => void) => {
    return (value: T) => {
      set(value);
      setRefused({});
    };
  };

  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <div className={classes["pair"]}>
          <TextInput
            label="User id"
            description="For good; letters, digits and . _ @ -"
            value={userId}
            onChange={(event) => edit(setUserId)(event.currentTarget.value)}
            error={badId ? "Letters, digits and . _ @ - only; at most 64, and first a letter or digit." : refused["user_id"]}
            required
            withAsterisk={false}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            data-autofocus
            autoFocus
          />
          <TextInput
            label="Name"
            description="As people call them; may be left empty"
            value={name}
            onChange={(event) => edit(setName)(event.currentTarget.value)}
            error={refused["name"]}
            autoComplete="off"
            maxLength={200}
          />
          <RoleSelect description="Admins see and change everything" value={role} onChange={edit(setRole)} />
          <PasswordInput
            label="Password"
            description="To sign in to these pages; may be left empty"
            value={password}
            onChange={(event) => edit(setPassword)(event.currentTarget.value)}
            error={refused["password"]}
            minLength={6}
            autoComplete="new-password"
          />
          <TeamSelect description="Its limits are shared; may be left empty" value={team} onChange={edit(setTeam)} error={refused["team"]} />
          {templates.length > 0 && (
            <Select
              label="Limit template"
              description="The user gets a copy; may be left empty"
              placeholder="Limits of new users"
              data={templates.map((each) => ({ value: each.id, label: each.name ?? each.id }))}
              value={base.template?.id ?? null}
              onChange={edit(begin)}
              error={refused["limit_template"]}
              searchable
              clearable
              clearButtonProps={{ "aria-label": "No template" }}
              nothingFoundMessage="No template of that name"
            />
          )}
        </div>
        <div>
          <Button variant="default" size="compact-xs" onClick={() => setLimiting(!limiting)} aria-expanded={limiting}>
            Limits
          </Button>
          <Text span size="xs" c="dimmed" ml={8}>
            {sizeOf(change) === 0 ? baseWords : `other than ${baseWords}`}
          </Text>
          {limiting && (
            <div className={classes["limits"]}>
              <LimitFields
                draft={draft}
                onDraft={(next) => {
                  setDraft(next);
                  setRefused({});
                }}
                faults={{ ...refused, ...faults }}
              />
            </div>
          )}
        </div>
        {refused[ANYWHERE] !== undefined && (
          <Text size="sm" c="var(--bad)" role="alert">
            {refused[ANYWHERE]}
          </Text>
        )}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={wrong || userId.trim() === ""}>
            Make the user
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
