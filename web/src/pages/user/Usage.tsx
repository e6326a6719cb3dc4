import { Explorer } from "~/features/explorer/Explorer";
import { PageClock, UTC } from "~/ui/clock";
import { Page } from "~/ui/Page";

/** What was used, when, at what cost and how it went. */
export function Component() {
  return (
    // Its days and hours are the ledger's, which are of UTC: so is all of the page.
    <PageClock value={UTC}>
      <Page title="Usage" period>
        <Explorer />
      </Page>
    </PageClock>
  );
}
