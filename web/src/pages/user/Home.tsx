import { OwnAlerts } from "~/features/alerts/OwnAlerts";
import { FirstCall } from "~/features/calls/FirstCall";
import { EndUserUsage } from "~/features/endUsers/EndUserUsage";
import { LimitMeters } from "~/features/limits/LimitMeters";
import { LiveState } from "~/features/live/LiveState";
import { UserTiles } from "~/features/usage/UserTiles";
import { useUserPage } from "~/pages/useUserPage";
import { RefusalsPanel } from "~/features/refusals/RefusalsPanel";
import { useSession } from "~/features/session/session";
import { useUsage } from "~/features/usage/usage";
import { UsageCharts } from "~/features/usage/UsageCharts";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { Page } from "~/ui/Page";
import { usePeriod } from "~/ui/period";

const NO_LIVE_FIGURES = new Error("Your figures do not come. They are asked for again by themselves; they need the gateway to run, and to be reached.");

/** What was spent, on what, and how much is left. */
export function Component() {
  const userId = useSession().session?.user.user_id ?? "";
  const { held: reading, lost } = useUserPage(userId);
  const period = usePeriod();
  const usage = useUsage(period, {}, true);
  const unused = usage.data?.total.requests === 0 && reading?.month.requests === 0;
  return (
    <Page title="Home" aside={<LiveState at={reading?.at} lost={lost} />} period>
      <OwnAlerts />
      {lost && reading === null ? (
        <ErrorMessage error={NO_LIVE_FIGURES} />
      ) : (
        <>
          <UserTiles reading={reading} usage={usage} period={period} />
          {reading === null ? <Loading height={120} /> : <LimitMeters usage={reading.usage} />}
          {reading?.team_usage != null && Object.keys(reading.team_usage).length > 0 && (
            <LimitMeters title={`Limits of your team, ${reading.team_name ?? reading.team ?? ""}`} usage={reading.team_usage} />
          )}
        </>
      )}
      {usage.error !== null && <ErrorMessage error={usage.error} />}
      {unused ? <FirstCall /> : <UsageCharts usage={usage} period={period} calls="/calls" />}
      <RefusalsPanel period={period} />
      <EndUserUsage userId={userId} period={period} />
    </Page>
  );
}
