import { ActionIcon, Button, Group, Popover, Stack, Text } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";

import { FigureField } from "~/parts/LimitFields";
import { faultsOf } from "~/parts/LimitsEditor";
import { changeOf, draftOf, type Faults, type Limits, QUICK, sizeOf, wordsOf } from "~/parts/limits";
import type { Reading, Usage } from "~/parts/Meter";
import { Fault, Loading } from "~/parts/states";
import { useUserChanges } from "~/parts/userChanges";
import { useLimits } from "~/parts/users";

import classes from "./Users.module.css";

interface Props {
  userId: string;
  onAll: () => void;
}

/** The limits that are changed most, edited where the user stands in the table. */
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
  const { data, error, isFetchedAfterMount } = useLimits(userId);
  if (error !== null) return <Fault fault={error} />;
  if (data === undefined || !isFetchedAfterMount) return <Loading height={EDITOR_HEIGHT} />;
  const { usage, ...limits } = data;
  return <Fields userId={userId} given={limits} usage={usage} close={close} onAll={onAll} />;
}

function Fields({ userId, given, usage, close, onAll }: Props & { given: Limits; usage: Usage; close: () => void }) {
  const [limits] = useState(given);
  const [draft, setDraft] = useState(() => draftOf(limits));
  const [told, setTold] = useState<Faults>({});
  const [busy, setBusy] = useState(false);
  const { setLimits } = useUserChanges();
  const { change, faults } = changeOf(limits, draft);
  const shown = { ...told, ...faults };
  const wrong = Object.keys(faults).length > 0;
  const unchanged = sizeOf(change) === 0;

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (wrong || unchanged) return;
    setBusy(true);
    setLimits(userId, limits, change)
      .then(close)
      .catch((fault: unknown) => setTold(faultsOf(fault)))
      .finally(() => setBusy(false));
  };

  return (
    <form onSubmit={submit} noValidate aria-label={`Limits of ${userId}`}>
      <Stack gap={4}>
        {QUICK.map((name, place) => (
          <FigureField
            key={name}
            name={name}
            label={wordsOf(name)}
            text={draft.figures[name] ?? ""}
            onText={(text) => {
              setDraft({ ...draft, figures: { ...draft.figures, [name]: text } });
              setTold({});
            }}
            fault={shown[name]}
            reading={(usage as Record<string, Reading>)[name]}
            focus={place === 0}
          />
        ))}
        {told[""] !== undefined && (
          <Text size="xs" c="var(--bad)" role="alert">
            {told[""]}
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
