import { Button, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";

import { EVENT_WORDS } from "~/features/alerts/words";
import { MakeWebhook } from "~/features/webhooks/WebhookDialogs";
import type { Webhook } from "~/features/webhooks/webhooks";
import { WebhookStatus } from "~/features/webhooks/WebhookStatus";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { RelativeTime } from "~/ui/Times";

/** The webhooks. `selected` is the id of the one that is open beside the table. */
export function WebhooksTable({ webhooks, selected }: { webhooks: readonly Webhook[] | undefined; selected: string | undefined }) {
  const [making, setMaking] = useState(false);
  const make = (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setMaking(true)}>
      New webhook
    </Button>
  );
  return (
    <Panel title="Receivers" actions={make} flush>
      <DataTable
        label="Webhooks"
        columns={COLUMNS}
        rows={webhooks}
        rowKey={({ id }) => id}
        to={({ id }) => `/admin/webhooks/${id}`}
        isSelected={({ id }) => id === selected}
        empty={
          <Empty title="No webhooks yet">
            <Text size="sm" c="dimmed">
              A webhook is an address of yours that gets each event as a signed request, as it happens.
            </Text>
          </Empty>
        }
      />
      {making && <MakeWebhook onClose={() => setMaking(false)} />}
    </Panel>
  );
}

const COLUMNS: Column<Webhook>[] = [
  { id: "url", label: "Address", grow: 3, cell: ({ url }) => <Name text={url} /> },
  { id: "status", label: "Status", narrow: "beside", cell: ({ status }) => <WebhookStatus of={status} /> },
  {
    id: "events",
    label: "Events",
    narrow: "named",
    cell: ({ events }) => (events === null ? "all" : events.length === 1 && events[0] !== undefined ? EVENT_WORDS[events[0]] : `${events.length} kinds`),
  },
  { id: "description", label: "For", grow: 2, narrow: "below", cell: ({ description }) => (description === null ? <span className="unit">–</span> : <Name text={description} />) },
  { id: "made", label: "Made", from: 900, cell: ({ created_at: at }) => <RelativeTime at={at} /> },
];
