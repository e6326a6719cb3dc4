import { FirstSteps } from "~/pages/admin/overview/FirstSteps";
import { LiveCharts } from "~/pages/admin/overview/LiveCharts";
import { LiveState } from "~/pages/admin/overview/LiveState";
import { LiveTiles } from "~/pages/admin/overview/LiveTiles";
import { Tops } from "~/pages/admin/overview/Tops";
import { UpstreamHealth } from "~/pages/admin/overview/UpstreamHealth";
import { useLive } from "~/parts/live";
import { Page } from "~/parts/Page";
import { usePeriod } from "~/parts/period";
import { Fault } from "~/parts/states";
import { UsageCharts } from "~/parts/UsageCharts";
import { UsageTiles } from "~/parts/UsageTiles";
import { useUsage } from "~/parts/usage";

import classes from "./overview/Overview.module.css";

/** Who spends, on what, is anything wrong: what happens now, pushed; below it, a span of time. */
export function Component() {
  const live = useLive();
  const period = usePeriod();
  const usage = useUsage(period, {});
  const unused = live.tick?.month.requests === 0 && live.tick.now.in_flight === 0 && usage.data?.total.requests === 0 && usage.before?.requests === 0;
  return (
    <Page title="Overview" aside={<LiveState live={live} />} period>
      <div className={classes["tiles"]}>
        <LiveTiles tick={live.tick} />
      </div>
      {unused && <FirstSteps />}
      <LiveCharts series={live.series} waiting={live.tick === null} />
      <div className={classes["today"]}>
        <Tops tick={live.tick} />
        <UpstreamHealth tick={live.tick} />
      </div>
      {usage.error === null ? <UsageTiles usage={usage.data} before={usage.before} period={period} /> : <Fault fault={usage.error} />}
      {!unused && <UsageCharts usage={usage} period={period} calls="/admin/calls" />}
    </Page>
  );
}
