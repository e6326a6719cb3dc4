import { KeysTable } from "~/parts/KeysTable";
import { Page } from "~/parts/Page";

/** One's own keys: what opens the gateway to programs. */
export function Component() {
  return (
    <Page title="Keys">
      <KeysTable />
    </Page>
  );
}
