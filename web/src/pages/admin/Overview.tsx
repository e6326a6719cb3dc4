import { FirstSteps } from "~/features/calls/FirstSteps";
import { useLive } from "~/features/live/feed";
import { LinePanel } from "~/features/live/LinePanel";
import { LiveCharts } from "~/features/live/LiveCharts";
import { LiveState } from "~/features/live/LiveState";
import { LiveTiles } from "~/features/live/LiveTiles";
import { TopTables } from "~/features/live/TopTables";
import { UpstreamHealth } from "~/features/upstreams/UpstreamHealth";
import { useUsage } from "~/features/usage/usage";
import { UsageCharts } from "~/features/usage/UsageCharts";
import { UsageTiles } from "~/features/usage/UsageTiles";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Page } from "~/ui/Page";
import { usePeriod } from "~/ui/period";

import classes from "./Overview.module.css";

const NO_LIVE_FIGURES = new Error("The live figures do not come. They are asked for again by themselves; they need the gateway to run, and to be reached.");

/** Who spends, on what, and whether anything is wrong: live figures, and a period below them. */
export function Component() {
  const live = useLive();
  const period = usePeriod();
  const usage = useUsage(period);
  const unused = live.tick?.month.requests === 0 && live.tick.now.in_flight === 0 && usage.data?.total.requests === 0 && usage.before?.requests === 0;
  return (
    <Page title="Overview" aside={<LiveState live={live} />} period>
      {live.lost && live.tick === null ? (
        <ErrorMessage error={NO_LIVE_FIGURES} />
      ) : (
        <>
          <LiveTiles tick={live.tick} />
          {unused && <FirstSteps />}
          <LiveCharts series={live.series} waiting={live.tick === null} />
          <div className={classes["today"]}>
            <TopTables tick={live.tick} />
            <UpstreamHealth tick={live.tick} />
          </div>
          <LinePanel tick={live.tick} />
        </>
      )}
      {usage.error === null ? <UsageTiles usage={usage.data} before={usage.before} period={period} /> : <ErrorMessage error={usage.error} />}
      {!unused && <UsageCharts usage={usage} period={period} calls="/admin/calls" />}
    </Page>
  );
}
