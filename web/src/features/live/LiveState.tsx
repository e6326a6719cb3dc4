import { Tooltip } from "@mantine/core";

import type { Live } from "~/features/live/feed";
import { clock, utc } from "~/ui/format/times";

import classes from "./LiveState.module.css";

/** Whether the figures below are live. Screen readers hear it when it changes. */
export function LiveState({ live: { tick, lost } }: { live: Live }) {
  return (
    <span className={classes["state"]} role="status">
      {lost ? (
        <span className={classes["lost"]}>
          {tick === null ? "No live figures yet; trying again" : `Connection lost; trying again. Figures of ${clock(new Date(tick.at))} UTC`}
        </span>
      ) : tick === null ? (
        "Connecting"
      ) : (
        <Tooltip label={`Once a second; the last at ${utc(new Date(tick.at))}`}>
          <span className={classes["state"]}>
            <span className={classes["pulse"]} aria-hidden />
            Live
          </span>
        </Tooltip>
      )}
    </span>
  );
}
