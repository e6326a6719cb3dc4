import { KeysTable } from "~/features/keys/KeysTable";
import { Page } from "~/ui/Page";

/** One's own keys, with which programs sign in to the gateway. */
export function Component() {
  return (
    <Page title="Keys">
      <KeysTable />
    </Page>
  );
}
