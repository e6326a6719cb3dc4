import { Button, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import type { Model } from "~/features/models/models";
import { count } from "~/ui/format/numbers";

import classes from "./Unpriced.module.css";

const MAX_NAMED = 8;

/** Warns of models that have no price. */
export function Unpriced({ models, onAdd }: { models: readonly Model[]; onAdd: (model: string) => void }) {
  const names = models.filter(({ pricing }) => pricing === null).map(({ name }) => name);
  if (names.length === 0) return null;
  return (
    <div className={classes["unpriced"]} role="note">
      <IconAlertTriangle size={18} aria-label="Attention" />
      <p>
        {names.length === 1 ? "One model has" : `${count(names.length)} models have`} no price: calls to {names.length === 1 ? "it" : "them"} cost
        nothing, and count towards no limit on cost.
      </p>
      <span className={classes["names"]}>
        {names.slice(0, MAX_NAMED).map((name) => (
          <Button key={name} variant="default" size="compact-xs" onClick={() => onAdd(name)} aria-label={`Set a price for ${name}`}>
            {name}
          </Button>
        ))}
        {names.length > MAX_NAMED && <Text size="sm">and {count(names.length - MAX_NAMED)} more</Text>}
      </span>
    </div>
  );
}
