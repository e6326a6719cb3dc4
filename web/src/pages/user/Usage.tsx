import { Explorer } from "~/features/explorer/Explorer";
import { Page } from "~/ui/Page";

/** What was used, when, at what cost and how it went. */
export function Component() {
  return (
    <Page title="Usage" period>
      <Explorer />
    </Page>
  );
}
