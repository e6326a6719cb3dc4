import { Button, Group, Text } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";

import { ANYWHERE, faultsOf } from "~/features/limits/faults";
import { type LimitsChange, sizeOf } from "~/features/limits/change";
import { changeOf, draftOf, type Faults } from "~/features/limits/draft";
import { LimitFields } from "~/features/limits/LimitFields";
import type { Limits } from "~/features/limits/names";
import type { Usage } from "~/features/limits/readings";

import classes from "./LimitFields.module.css";

interface Props {
  /** The limits as they are when editing begins; only what differs from them is saved. */
  limits: Limits;
  usage?: Usage;
  /** Rejects with the error that the gateway answers with. */
  save: (change: LimitsChange) => Promise<void>;
  onDone: () => void;
  /** What the button says. */
  action?: string;
  note?: string;
  /** Whether what follows a save is up to `save`, which then replaces the editor. */
  stays?: boolean;
}

const NOTE = "An empty field is no limit; 0 blocks every request. In force at the next request.";

/** Edits all limits. */
export function LimitsEditor({ limits: given, usage, save, onDone, action = "Save limits", note = NOTE, stays = false }: Props) {
  const [limits] = useState(given);
  const [draft, setDraft] = useState(() => draftOf(limits));
  const [refused, setRefused] = useState<Faults>({});
  const [busy, setBusy] = useState(false);
  const { change, faults } = changeOf(limits, draft);
  const size = sizeOf(change);
  const wrong = Object.keys(faults).length > 0;

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (wrong) return;
    if (size === 0) {
      onDone();
      return;
    }
    setBusy(true);
    save(change)
      .then(() => {
        if (!stays) onDone();
      })
      .catch((error: unknown) => setRefused(faultsOf(error)))
      .finally(() => setBusy(false));
  };

  return (
    <form onSubmit={submit} noValidate>
      <Text size="xs" c="dimmed" mb={16}>
        {note}
      </Text>
      <LimitFields
        draft={draft}
        onDraft={(next) => {
          setDraft(next);
          setRefused({});
        }}
        faults={{ ...refused, ...faults }}
        first="requests_per_second"
        {...(usage === undefined ? {} : { usage })}
      />
      <div className={classes["foot"]}>
        <Text size="xs" c={refused[ANYWHERE] === undefined ? "dimmed" : "var(--bad)"} role={refused[ANYWHERE] === undefined ? undefined : "alert"}>
          {refused[ANYWHERE] ?? (size === 0 ? "Nothing changed" : size === 1 ? "1 change" : `${size} changes`)}
        </Text>
        <Group gap={8}>
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={wrong || size === 0}>
            {action}
          </Button>
        </Group>
      </div>
    </form>
  );
}
