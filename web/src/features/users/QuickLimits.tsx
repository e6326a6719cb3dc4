import { ActionIcon, Button, Group, Popover, Stack, Text } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";

import { sizeOf } from "~/features/limits/change";
import { changeOf, draftOf, type Faults, textAt, withText } from "~/features/limits/draft";
import { LimitField } from "~/features/limits/LimitField";
import { ANYWHERE, faultsOf } from "~/features/limits/faults";
import { limitLabel, limitName, type Limits, ownName, QUICK_NAMES } from "~/features/limits/names";
import { readingAt, type Usage } from "~/features/limits/readings";
import { useUserChanges } from "~/features/users/changes";
import { useUserLimits } from "~/features/users/users";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";

import classes from "./UsersTable.module.css";

interface Props {
  userId: string;
  /** The limit that is shown beside it, by its name in `usage`; undefined: the user has none. */
  name: string | undefined;
  onAll: () => void;
}

/** Edits the limit whose meter stands beside it in the table of users; of a user without limits, those that are set most. */
export function QuickLimits({ userId, name, onAll }: Props) {
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
          aria-label={name === undefined ? `Set limits of ${userId}` : `Edit the limit of ${userId}: ${limitName(name).label}`}
          onClick={() => setOpened(!opened)}
        >
          <IconPencil size={14} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown onClick={(event) => event.stopPropagation()}>
        {opened && (
          <Editor
            userId={userId}
            name={name}
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

const EDITOR_HEIGHT = 124;

function Editor({ userId, name, close, onAll }: Props & { close: () => void }) {
  const { data, error, isFetchedAfterMount } = useUserLimits(userId);
  // Another limit may become the tightest meanwhile; what is edited stays.
  const [names] = useState(() => (name === undefined ? QUICK_NAMES : [name]));
  if (error !== null) return <ErrorMessage error={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={EDITOR_HEIGHT} />;
  const { usage, ...limits } = data;
  return <Fields userId={userId} names={names} given={limits} usage={usage} close={close} onAll={onAll} />;
}

interface FieldsProps {
  userId: string;
  names: readonly string[];
  given: Limits;
  usage: Usage;
  close: () => void;
  onAll: () => void;
}

function Fields({ userId, names, given, usage, close, onAll }: FieldsProps) {
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
        {names.map((name, place) => (
          <LimitField
            key={name}
            name={ownName(name).figure}
            label={limitLabel(name)}
            text={textAt(draft, name)}
            onText={(text) => {
              setDraft(withText(draft, name, text));
              setRefused({});
            }}
            fault={shown[name]}
            reading={readingAt(usage, name)}
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
