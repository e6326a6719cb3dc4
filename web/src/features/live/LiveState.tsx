import { Tooltip } from "@mantine/core";

import type { Live } from "~/features/live/feed";
import { useClock } from "~/ui/clock";
import { timestamp } from "~/ui/format/times";
import { Exact } from "~/ui/Times";

import classes from "./LiveState.module.css";

/** Whether the figures below are live. Screen readers hear it when it changes. */
export function LiveState({ live: { tick, lost } }: { live: Live }) {
  const clock = useClock();
  return (
    <span className={classes["state"]} role="status">
      {lost ? (
        <span className={classes["lost"]}>
          {tick === null ? "No live figures yet; trying again" : `Connection lost; trying again. Figures of ${timestamp(new Date(tick.at), clock)}`}
        </span>
      ) : tick === null ? (
        "Connecting"
      ) : (
        <Tooltip label={<>Once a second; the last at <Exact at={new Date(tick.at)} /></>}>
          <span className={classes["state"]}>
            <span className={classes["pulse"]} aria-hidden />
            Live
          </span>
        </Tooltip>
      )}
    </span>
  );
}
