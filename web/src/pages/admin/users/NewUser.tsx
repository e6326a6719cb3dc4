import { Button, Group, Modal, PasswordInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type SyntheticEvent, useState } from "react";
import { useNavigate } from "react-router";

import { api, ApiError, body, type Schemas } from "~/api/client";
import { LimitFields } from "~/parts/LimitFields";
import { faultsOf } from "~/parts/LimitsEditor";
import { changeOf, draftOf, type Faults, type Limits, sizeOf } from "~/parts/limits";
import { useDefaultLimits } from "~/parts/LimitsPanel";
import { curlOf } from "~/parts/FirstCall";
import { useSomeModel } from "~/parts/modelColor";
import { Command, Copy, Fault, Loading } from "~/parts/states";
import { USERS } from "~/parts/users";

import classes from "./NewUser.module.css";

type Made = Schemas["NewUserBody"];

/** Make a user; then show their key, this once. */
export function NewUser({ opened, close }: { opened: boolean; close: () => void }) {
  const [made, setMade] = useState<Made | null>(null);
  const done = () => {
    setMade(null);
    close();
  };
  return (
    <Modal
      opened={opened}
      onClose={done}
      title={made === null ? "New user" : `${made.user_id} is there`}
      size={620}
      // A key that is shown this once goes when its reader says so, not by a slip.
      withCloseButton={made === null}
      closeOnClickOutside={made === null}
      closeOnEscape={made === null}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {opened && (made === null ? <Form onMade={setMade} close={done} /> : <Shown made={made} close={done} />)}
    </Modal>
  );
}

function Form({ onMade, close }: { onMade: (made: Made) => void; close: () => void }) {
  const { data, error, isFetchedAfterMount } = useDefaultLimits();
  if (error !== null) return <Fault fault={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={330} />;
  return <Fields defaults={data} onMade={onMade} close={close} />;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

function Fields({ defaults: given, onMade, close }: { defaults: Limits; onMade: (made: Made) => void; close: () => void }) {
  const queries = useQueryClient();
  const [defaults] = useState(given);
  const [userId, setUserId] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Made["role"]>("user");
  const [password, setPassword] = useState("");
  const [limiting, setLimiting] = useState(false);
  const [draft, setDraft] = useState(() => draftOf(defaults));
  const [told, setTold] = useState<Faults>({});
  const [busy, setBusy] = useState(false);
  const { change, faults } = changeOf(defaults, draft);
  const badId = userId !== "" && !ID.test(userId.trim());
  const wrong = badId || Object.keys(faults).length > 0;

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (wrong) return;
    setBusy(true);
    const form: Schemas["NewUserForm"] = {
      user_id: userId.trim(),
      role,
      ...(name.trim() === "" ? {} : { name: name.trim() }),
      ...(password === "" ? {} : { password }),
      ...(sizeOf(change) === 0 ? {} : { limits: change }),
    };
    body(api.POST("/admin/users", { body: form }))
      .then((made) => {
        void queries.invalidateQueries({ queryKey: USERS });
        onMade(made);
      })
      .catch((fault: unknown) => {
        setTold(faultsOf(fault));
        if (fault instanceof ApiError && fault.param?.startsWith("limits") === true) setLimiting(true);
      })
      .finally(() => setBusy(false));
  };
  const edit = <T,>(set: (value: T) => void) => {
    return (value: T) => {
      set(value);
      setTold({});
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
            error={badId ? "Letters, digits and . _ @ - only; at most 64, and first a letter or digit." : told["user_id"]}
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
            error={told["name"]}
            autoComplete="off"
            maxLength={200}
          />
          <Select
            label="Role"
            description="Admins see and change everything"
            allowDeselect={false}
            data={[
              { value: "user", label: "User" },
              { value: "admin", label: "Admin" },
            ]}
            value={role}
            onChange={(value) => edit(setRole)(value === "admin" ? "admin" : "user")}
          />
          <PasswordInput
            label="Password"
            description="To sign in to these pages; may be left empty"
            value={password}
            onChange={(event) => edit(setPassword)(event.currentTarget.value)}
            error={told["password"]}
            minLength={6}
            autoComplete="new-password"
          />
        </div>
        <div>
          <Button variant="default" size="compact-xs" onClick={() => setLimiting(!limiting)} aria-expanded={limiting}>
            Limits
          </Button>
          <Text span size="xs" c="dimmed" ml={8}>
            {sizeOf(change) === 0 ? "those of new users" : "other than those of new users"}
          </Text>
          {limiting && (
            <div className={classes["limits"]}>
              <LimitFields
                draft={draft}
                onDraft={(next) => {
                  setDraft(next);
                  setTold({});
                }}
                faults={{ ...told, ...faults }}
              />
            </div>
          )}
        </div>
        {told[""] !== undefined && (
          <Text size="sm" c="var(--bad)" role="alert">
            {told[""]}
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

function Shown({ made, close }: { made: Made; close: () => void }) {
  const navigate = useNavigate();
  const model = useSomeModel();
  const { api_key: key, user_id: userId } = made;
  return (
    <Stack gap="md">
      <Text size="sm">This is their key. It is shown this once: the gateway keeps only its fingerprint.</Text>
      <div className={classes["key"]}>
        <code>{key}</code>
        <Copy text={key} what="key" />
      </div>
      <Text size="sm" c="dimmed">
        To try it:
      </Text>
      <Command text={curlOf(model).replace("$TOLLKEEPER_KEY", key)} label="A first request with this key" />
      <Group justify="flex-end" gap={8}>
        <Button variant="default" onClick={() => void navigate(`/admin/users/${encodeURIComponent(userId)}`)}>
          Open {userId}
        </Button>
        <Button onClick={close} data-autofocus>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
