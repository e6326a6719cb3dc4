import { useParams } from "react-router";

import { CallDetail } from "~/parts/CallDetail";
import { CallsTable } from "~/parts/CallsTable";
import { Page } from "~/parts/Page";

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
