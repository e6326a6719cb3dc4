import { Button, Group, Text } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";

import { ApiError } from "~/api/client";
import { LimitFields } from "~/parts/LimitFields";
import { changeOf, draftOf, type Faults, type Limits, type LimitsChange, sizeOf } from "~/parts/limits";
import type { Usage } from "~/parts/Meter";

import classes from "./LimitFields.module.css";

interface Props {
  /** As they were when editing began: what is sent is what differs from them. */
  limits: Limits;
  usage?: Usage;
  /** Rejects with what the gateway answers where it refuses. */
  save: (change: LimitsChange) => Promise<void>;
  onDone: () => void;
}

/** Every limit in a field of its own. */
export function LimitsEditor({ limits: given, usage, save, onDone }: Props) {
  const [limits] = useState(given);
  const [draft, setDraft] = useState(() => draftOf(limits));
  const [told, setTold] = useState<Faults>({});
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
      .then(onDone)
      .catch((fault: unknown) => setTold(faultsOf(fault)))
      .finally(() => setBusy(false));
  };

  return (
    <form onSubmit={submit} noValidate>
      <Text size="xs" c="dimmed" mb={16}>
        An empty field is no limit; 0 blocks every request. In force at the next request.
      </Text>
      <LimitFields
        draft={draft}
        onDraft={(next) => {
          setDraft(next);
          setTold({});
        }}
        faults={{ ...told, ...faults }}
        first="requests_per_second"
        {...(usage === undefined ? {} : { usage })}
      />
      <div className={classes["foot"]}>
        <Text size="xs" c={told[ANYWHERE] === undefined ? "dimmed" : "var(--bad)"} role={told[ANYWHERE] === undefined ? undefined : "alert"}>
          {told[ANYWHERE] ?? (size === 0 ? "Nothing changed" : size === 1 ? "1 change" : `${size} changes`)}
        </Text>
        <Group gap={8}>
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={wrong || size === 0}>
            Save limits
          </Button>
        </Group>
      </div>
    </form>
  );
}

const ANYWHERE = "";

/** What the gateway refused, at the field it names; at the foot where it names none that is shown. */
export function faultsOf(fault: unknown): Faults {
  const message = fault instanceof Error ? fault.message : String(fault);
  const param = fault instanceof ApiError ? (fault.param ?? ANYWHERE).replace(/^limits\./, "") : ANYWHERE;
  return { [param]: message, [ANYWHERE]: param === ANYWHERE ? message : "Not taken; the field above says why." };
}
