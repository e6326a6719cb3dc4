import { Tooltip } from "@mantine/core";

import { useClock } from "~/ui/clock";
import { timestamp } from "~/ui/format/times";
import { Exact } from "~/ui/Times";

import classes from "./LiveState.module.css";

/** Whether the figures below are live; `at` is when the last ones came. Screen readers hear it when it changes. */
export function LiveState({ at, lost }: { at: string | undefined; lost: boolean }) {
  const clock = useClock();
  return (
    <span className={classes["state"]} role="status">
      {lost ? (
        <span className={classes["lost"]}>
          {at === undefined ? "No live figures yet; trying again" : `Connection lost; trying again. Figures of ${timestamp(new Date(at), clock)}`}
        </span>
      ) : at === undefined ? (
        "Connecting"
      ) : (
        <Tooltip label={<>Pushed as they change; the last at <Exact at={new Date(at)} /></>}>
          <span className={classes["state"]}>
            <span className={classes["pulse"]} aria-hidden />
            Live
          </span>
        </Tooltip>
      )}
    </span>
  );
}
