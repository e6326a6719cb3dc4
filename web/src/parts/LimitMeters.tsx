import { Text } from "@mantine/core";
import type { ReactNode } from "react";

import { Meter, type Reading, type Usage } from "~/parts/Meter";
import { Panel } from "~/parts/Page";

import classes from "./LimitMeters.module.css";

/** Every limit of a user as a meter, the fullest first. */
export function LimitMeters({ usage, title = "Limits", actions }: { usage: Usage; title?: string; actions?: ReactNode }) {
  const readings = readingsOf(usage);
  return (
    <Panel title={title} actions={actions}>
      {readings.length === 0 ? (
        <Text size="sm" c="dimmed">
          No limits are set: every request is let through.
        </Text>
      ) : (
        <div className={classes["meters"]}>
          {readings.map(([name, reading]) => (
            <Meter key={name} name={name} reading={reading} />
          ))}
        </div>
      )}
    </Panel>
  );
}

/** The readings there are, flat, the fullest first; a model's own are named "models.<model>.<limit>". */
export function readingsOf(usage: Usage): [string, Reading][] {
  const flat: [string, Reading][] = [];
  for (const [name, reading] of Object.entries(usage)) {
    if (name === "models") {
      for (const [model, readings] of Object.entries(reading as unknown as Record<string, Record<string, Reading>>)) {
        for (const [own, one] of Object.entries(readings)) flat.push([`models.${model}.${own}`, one]);
      }
    } else flat.push([name, reading as Reading]);
  }
  return flat.sort(([, a], [, b]) => share(b) - share(a));
}

function share({ limit, used, reserved }: Reading): number {
  return limit === 0 ? 1 : (used + reserved) / limit;
}
