import { ActionIcon, Button, Group, Popover, Stack, Text } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";

import { sizeOf } from "~/features/limits/change";
import { changeOf, draftOf, type Faults } from "~/features/limits/draft";
import { LimitField } from "~/features/limits/LimitField";
import { ANYWHERE, faultsOf } from "~/features/limits/faults";
import { fieldLabel, type Limits, QUICK_NAMES } from "~/features/limits/names";
import { readingOf, type Usage } from "~/features/limits/readings";
import { useUserChanges } from "~/features/users/changes";
import { useUserLimits } from "~/features/users/users";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";

import classes from "./UsersTable.module.css";

interface Props {
  userId: string;
  onAll: () => void;
}

/** Edits the limits that are changed most, in the table of users. */
export function QuickLimits({ userId, onAll }: Props) {
  const [opened, setOpened] = useState(false);
  const close = () => setOpened(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={300} trapFocus returnFocus shadow="md" transitionProps={{ duration: 100 }}>
      <Popover.Target>
        <ActionIcon
          className={classes["action"] ?? ""}
          data-open={opened}
          variant="default"
          size={26}
          aria-label={`Edit the limits of ${userId}`}
          onClick={() => setOpened(!opened)}
        >
          <IconPencil size={14} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown onClick={(event) => event.stopPropagation()}>
        {opened && (
          <Editor
            userId={userId}
            close={close}
            onAll={() => {
              close();
              onAll();
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

const EDITOR_HEIGHT = 268;

function Editor({ userId, close, onAll }: Props & { close: () => void }) {
  const { data, error, isFetchedAfterMount } = useUserLimits(userId);
  if (error !== null) return <ErrorMessage error={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={EDITOR_HEIGHT} />;
  const { usage, ...limits } = data;
  return <Fields userId={userId} given={limits} usage={usage} close={close} onAll={onAll} />;
}

function Fields({ userId, given, usage, close, onAll }: Props & { given: Limits; usage: Usage; close: () => void }) {
  const [limits] = useState(given);
  const [draft, setDraft] = useState(() => draftOf(limits));
  const [refused, setRefused] = useState<Faults>({});
  const [busy, setBusy] = useState(false);
  const { setLimits } = useUserChanges();
  const { change, faults } = changeOf(limits, draft);
  const shown = { ...refused, ...faults };
  const wrong = Object.keys(faults).length > 0;
  const unchanged = sizeOf(change) === 0;

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (wrong || unchanged) return;
    setBusy(true);
    setLimits(userId, limits, change)
      .then(close)
      .catch((error: unknown) => setRefused(faultsOf(error)))
      .finally(() => setBusy(false));
  };

  return (
    <form onSubmit={submit} noValidate aria-label={`Limits of ${userId}`}>
      <Stack gap={4}>
        {QUICK_NAMES.map((name, place) => (
          <LimitField
            key={name}
            name={name}
            label={fieldLabel(name)}
            text={draft.figures[name] ?? ""}
            onText={(text) => {
              setDraft({ ...draft, figures: { ...draft.figures, [name]: text } });
              setRefused({});
            }}
            fault={shown[name]}
            reading={readingOf(usage, name)}
            focus={place === 0}
          />
        ))}
        {refused[ANYWHERE] !== undefined && (
          <Text size="xs" c="var(--bad)" role="alert">
            {refused[ANYWHERE]}
          </Text>
        )}
        <Group justify="space-between" mt={4}>
          <Button variant="subtle" px={6} onClick={onAll}>
            All limits
          </Button>
          <Group gap={8}>
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={busy} disabled={wrong || unchanged}>
              Save
            </Button>
          </Group>
        </Group>
      </Stack>
    </form>
  );
}
