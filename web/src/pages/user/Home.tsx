import { useQuery } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import { Page } from "~/parts/Page";
import { UsageCharts } from "~/parts/UsageCharts";
import { UsageTiles } from "~/parts/UsageTiles";
import { LimitMeters } from "~/parts/LimitMeters";
import { FirstCall } from "~/parts/FirstCall";
import { Fault, Loading } from "~/parts/states";
import { usePeriod } from "~/parts/period";
import { useUsage } from "~/parts/usage";

/** What was spent, on what, and how much is left. */
export function Component() {
  const me = useQuery({ queryKey: ["me"], queryFn: () => body(api.GET("/me")), refetchInterval: 15_000 });
  const period = usePeriod();
  const usage = useUsage(period, {});
  const unused = usage.data?.total.requests === 0 && me.data?.month.requests === 0;
  return (
    <Page title="Home" period>
      {usage.error === null ? <UsageTiles usage={usage.data} before={usage.before} period={period} /> : <Fault fault={usage.error} />}
      {me.data === undefined ? me.error === null ? <Loading height={120} /> : <Fault fault={me.error} /> : <LimitMeters usage={me.data.usage} />}
      {unused ? <FirstCall /> : <UsageCharts usage={usage} period={period} calls="/calls" />}
    </Page>
  );
}
