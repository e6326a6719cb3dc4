import { Modal, NumberInput, Select, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { type Eviction, type EvictForm as Settings, useModelCommands } from "~/features/lifecycle/commands";
import { useUpstreams } from "~/features/upstreams/upstreams";
import { DialogForm } from "~/ui/DialogForm";
import { count } from "~/ui/format/numbers";
import { RelativeTime } from "~/ui/Times";
import { useReturnFocus } from "~/ui/useReturnFocus";

import classes from "./ModelDialog.module.css";

const UNITS: Readonly<Record<string, number>> = { minutes: 60, hours: 3600, days: 86_400 };
const ALL = "";
type How = "unload" | "delete";
const WORDS: Readonly<Record<How, string>> = { unload: "Unload", delete: "Delete" };

/** Unloads or deletes what nobody has used for long, after it has shown what that is. */
export function EvictForm({ onClose }: { onClose: () => void }) {
  useReturnFocus();
  const { evict } = useModelCommands();
  const ollamas = (useUpstreams().upstreams ?? []).filter(({ kind }) => kind === "ollama").map(({ id }) => id);
  const [amount, setAmount] = useState<number | string>(7);
  const [unit, setUnit] = useState("days");
  const [how, setHow] = useState<How>("unload");
  const [upstream, setUpstream] = useState(ALL);
  const given = Number(amount);
  const settings: Settings = { after_seconds: Math.round(given * (UNITS[unit] ?? 1)), how, dry_run: true, ...(upstream !== ALL && { upstream }) };
  const look = useMutation({ mutationFn: evict });
  const act = useMutation({ mutationFn: evict, onSuccess: onClose });
  // What was found for other settings says nothing.
  const found = JSON.stringify(look.variables) === JSON.stringify(settings) ? look.data : undefined;
  const models = found?.evicted.length ?? 0;
  return (
    <Modal opened onClose={onClose} title="Evict unused models">
      <DialogForm
        action={found === undefined || models === 0 ? "Show what would go" : `${WORDS[how]} ${models === 1 ? "1 model" : `${count(models)} models`}`}
        danger={models > 0 && how === "delete"}
        ready={amount !== "" && found?.evicted.length !== 0}
        busy={look.isPending || act.isPending}
        error={act.error ?? look.error}
        onSubmit={() => (models > 0 ? act.mutate({ ...settings, dry_run: false }) : look.mutate(settings))}
        onCancel={onClose}
      >
        <div className={classes["span"]}>
          <NumberInput label="Not used for" min={0} max={3650} allowDecimal={false} allowNegative={false} clampBehavior="strict" value={amount} onChange={setAmount} data-autofocus />
          <Select aria-label="Unit" allowDeselect={false} data={Object.keys(UNITS)} value={unit} onChange={(value) => setUnit(value ?? unit)} />
        </div>
        <Select
          label="What happens to them"
          allowDeselect={false}
          data={[
            { value: "unload", label: "They leave memory" },
            { value: "delete", label: "They are deleted from disk" },
          ]}
          value={how}
          onChange={(value) => setHow(value === "delete" ? "delete" : "unload")}
        />
        {ollamas.length > 1 && (
          <Select label="At" allowDeselect={false} data={[{ value: ALL, label: "Every Ollama" }, ...ollamas]} value={upstream} onChange={(value) => setUpstream(value ?? ALL)} />
        )}
        <div role="status">
          {found === undefined ? (
            <Text size="sm" c="dimmed">
              What is pinned, or has requests running, stays. Being pulled counts as use.
            </Text>
          ) : (
            <Found of={found} />
          )}
        </div>
      </DialogForm>
    </Modal>
  );
}

function Found({ of: { evicted, how } }: { of: Eviction }) {
  if (evicted.length === 0) return <Text size="sm">{how === "delete" ? "Every model was used in that time, or stays." : "Nothing is in memory that was not used in that time."}</Text>;
  return (
    <div className={classes["found"]} tabIndex={0} role="group" aria-label="What would go">
      <ul className={classes["stops"]}>
        {evicted.map(({ model, upstream, last_used_at: used }) => (
          <li key={`${model}@${upstream}`}>
            {model} at {upstream}, <span className={classes["none"]}>last used <RelativeTime at={used} /></span>
          </li>
        ))}
      </ul>
    </div>
  );
}
