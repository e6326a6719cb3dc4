import { useParams } from "react-router";

import { CallDetail } from "~/features/calls/CallDetail";
import { CallsTable } from "~/features/calls/CallsTable";
import { Page } from "~/ui/Page";

/** Everyone's calls, each with what it cost and why. */
export function Component() {
  const { requestId } = useParams();
  return (
    <Page title="Calls" period>
      <CallsTable />
      {requestId !== undefined && <CallDetail requestId={requestId} back="/admin/calls" />}
    </Page>
  );
}
