import { Anchor, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleX } from "@tabler/icons-react";
import { Link } from "react-router";

import { type Alert, useAlerts } from "~/features/alerts/alerts";
import { alertWords, pathOf, subjectOf } from "~/features/alerts/words";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { Status, type StatusLooks } from "~/ui/Status";
import { RelativeTime } from "~/ui/Times";

const LOOKS: StatusLooks<"reached" | "used up" | "down"> = {
  reached: { tone: "warn", icon: IconAlertTriangle },
  "used up": { tone: "bad", icon: IconCircleX },
  down: { tone: "bad", icon: IconCircleX },
};

/** What is so now: thresholds of budgets that are reached, upstreams that are down. */
export function AlertsTable() {
  const { data, error, refetch } = useAlerts("all");
  return (
    <Panel title="Now" flush>
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : (
        <DataTable
          label="Open alerts"
          columns={COLUMNS}
          rows={data}
          rowKey={(alert) => alert.event_id}
          empty={
            <Empty title="No open alerts">
              <Text size="sm" c="dimmed">
                Budgets appear here when most of them is used, and upstreams when they do not serve.
              </Text>
            </Empty>
          }
        />
      )}
    </Panel>
  );
}

function stateOf({ percent }: Alert): string {
  if (percent === null) return "down";
  return percent === 100 ? "used up" : "reached";
}

const COLUMNS: Column<Alert>[] = [
  { id: "subject", label: "Of", grow: 1, cell: (alert) => <Subject of={alert} /> },
  { id: "state", label: "State", narrow: "beside", cell: (alert) => <Status of={stateOf(alert)} looks={LOOKS} /> },
  { id: "what", label: "What", grow: 1, wraps: true, narrow: "below", cell: alertWords },
  { id: "since", label: "Since", narrow: "named", cell: ({ since }) => <RelativeTime at={since} /> },
];

function Subject({ of: alert }: { of: Alert }) {
  const path = pathOf(alert);
  const name = <Name text={subjectOf(alert)} />;
  if (path === null) return name;
  return (
    <Anchor component={Link} to={path} inherit>
      {name}
    </Anchor>
  );
}
