import { Text } from "@mantine/core";
import type { ReactNode } from "react";

import { LimitMeter } from "~/features/limits/LimitMeter";
import { readingsOf, type Usage } from "~/features/limits/readings";
import { Panel } from "~/ui/Panel";

import classes from "./LimitMeters.module.css";

/** All limits of a user or team as meters, the fullest first. */
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
            <LimitMeter key={name} name={name} reading={reading} />
          ))}
        </div>
      )}
    </Panel>
  );
}
