import { Tooltip } from "@mantine/core";

import { utc } from "~/parts/format";
import type { Live } from "~/parts/live";

import classes from "./Overview.module.css";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Whether what stands below is of this moment. Said once when it changes, not at every figure. */
export function LiveState({ live: { tick, lost } }: { live: Live }) {
  return (
    <span className={classes["state"]} role="status">
      {lost ? (
        <span className={classes["lost"]}>
          {tick === null ? "No live figures yet; trying again" : `Connection lost; trying again. Figures of ${CLOCK.format(new Date(tick.at))}`}
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
