import { FirstSteps } from "~/features/calls/FirstSteps";
import { useLive } from "~/features/live/feed";
import { LinePanel } from "~/features/live/LinePanel";
import { LiveCharts } from "~/features/live/LiveCharts";
import { LiveState } from "~/features/live/LiveState";
import { LiveTiles } from "~/features/live/LiveTiles";
import { TopTables } from "~/features/users/TopTables";
import { useRefetchOn } from "~/features/live/useRefetchOn";
import { REFUSALS, REFUSALS_MS } from "~/features/refusals/refusals";
import { RefusalsPanel } from "~/features/refusals/RefusalsPanel";
import { UpstreamHealth } from "~/features/upstreams/UpstreamHealth";
import { SUMMARY, useUsage } from "~/features/usage/usage";
import { UsageCharts } from "~/features/usage/UsageCharts";
import { TOP_USERS } from "~/features/users/users";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Page } from "~/ui/Page";
import { usePeriod } from "~/ui/period";

import classes from "./Overview.module.css";

const NO_LIVE_FIGURES = new Error("The live figures do not come. They are asked for again by themselves; they need the gateway to run, and to be reached.");
/** How long what was used is gathered before the figures of the period are read. */
const SETTLE_MS = 4_000;

/** Who spends, on what, and whether anything is wrong: live figures, and a period below them. */
export function Component() {
  const live = useLive();
  const tick = live.held?.tick ?? null;
  const period = usePeriod();
  const usage = useUsage(period, {}, true);
  useRefetchOn(tick === null ? "" : JSON.stringify(tick.month), [[SUMMARY], TOP_USERS], SETTLE_MS);
  useRefetchOn(tick === null ? "" : String(tick.refused), [[REFUSALS]], REFUSALS_MS);
  const unused = tick?.month.requests === 0 && tick.now.in_flight === 0 && usage.data?.total.requests === 0 && usage.before?.requests === 0;
  return (
    <Page title="Overview" aside={<LiveState at={tick?.at} lost={live.lost} />} period>
      {live.lost && tick === null ? (
        <ErrorMessage error={NO_LIVE_FIGURES} />
      ) : (
        <>
          <LiveTiles tick={tick} />
          {unused && <FirstSteps />}
          <LiveCharts series={live.held?.series ?? NO_POINTS} waiting={tick === null} />
          <div className={classes["now"]}>
            <UpstreamHealth tick={tick} />
            <LinePanel tick={tick} />
          </div>
        </>
      )}
      {!unused && (
        <>
          {usage.error !== null && <ErrorMessage error={usage.error} />}
          <div className={classes["top"]}>
            <TopTables usage={usage} period={period} />
          </div>
          <UsageCharts usage={usage} period={period} calls="/admin/calls" />
          <RefusalsPanel period={period} />
        </>
      )}
    </Page>
  );
}

const NO_POINTS: never[] = [];
