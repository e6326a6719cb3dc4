import { useParams } from "react-router";

import { useAudit } from "~/features/audit/audit";
import { AuditEntry } from "~/features/audit/AuditEntry";
import { AuditFilters } from "~/features/audit/AuditFilters";
import { AuditTable } from "~/features/audit/AuditTable";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";

/** Who changed what, when, and from where. */
export function Component() {
  const { entryId } = useParams();
  const { data, error, refetch } = useAudit();
  return (
    <Page title="Audit" period>
      {error !== null && <ErrorMessage error={error} onRetry={() => void refetch()} />}
      <Panel flush>
        <AuditFilters />
        {error === null && <AuditTable entries={data?.data} next={data?.next} selected={entryId} />}
      </Panel>
      {entryId !== undefined && <AuditEntry id={Number(entryId)} known={data?.data.find(({ id }) => String(id) === entryId)} />}
    </Page>
  );
}
