import { Tooltip } from "@mantine/core";

import { clock, utc } from "~/ui/format/times";

import classes from "./LiveState.module.css";

/** Whether the figures below are live; `at` is when the last ones came. Screen readers hear it when it changes. */
export function LiveState({ at, lost }: { at: string | undefined; lost: boolean }) {
  return (
    <span className={classes["state"]} role="status">
      {lost ? (
        <span className={classes["lost"]}>
          {at === undefined ? "No live figures yet; trying again" : `Connection lost; trying again. Figures of ${clock(new Date(at))} UTC`}
        </span>
      ) : at === undefined ? (
        "Connecting"
      ) : (
        <Tooltip label={`Pushed as they change; the last at ${utc(new Date(at))}`}>
          <span className={classes["state"]}>
            <span className={classes["pulse"]} aria-hidden />
            Live
          </span>
        </Tooltip>
      )}
    </span>
  );
}
