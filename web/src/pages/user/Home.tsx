import { OwnAlerts } from "~/features/alerts/OwnAlerts";
import { FirstCall } from "~/features/calls/FirstCall";
import { EndUserUsage } from "~/features/endUsers/EndUserUsage";
import { LimitMeters } from "~/features/limits/LimitMeters";
import { useMe } from "~/features/session/useMe";
import { RefusalsPanel } from "~/features/refusals/RefusalsPanel";
import { useUsage } from "~/features/usage/usage";
import { UsageCharts } from "~/features/usage/UsageCharts";
import { UsageTiles } from "~/features/usage/UsageTiles";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { Page } from "~/ui/Page";
import { usePeriod } from "~/ui/period";

/** What was spent, on what, and how much is left. */
export function Component() {
  const me = useMe();
  const period = usePeriod();
  const usage = useUsage(period);
  const unused = usage.data?.total.requests === 0 && me.data?.month.requests === 0;
  return (
    <Page title="Home" period>
      <OwnAlerts />
      {usage.error === null ? <UsageTiles usage={usage.data} before={usage.before} period={period} /> : <ErrorMessage error={usage.error} />}
      {me.data === undefined ? me.error === null ? <Loading height={120} /> : <ErrorMessage error={me.error} /> : <LimitMeters usage={me.data.usage} />}
      {me.data?.team_usage != null && Object.keys(me.data.team_usage).length > 0 && (
        <LimitMeters title={`Limits of your team, ${me.data.team_name ?? me.data.team ?? ""}`} usage={me.data.team_usage} />
      )}
      {unused ? <FirstCall /> : <UsageCharts usage={usage} period={period} calls="/calls" />}
      <RefusalsPanel period={period} />
      {me.data !== undefined && <EndUserUsage userId={me.data.user_id} period={period} />}
    </Page>
  );
}
