import { Anchor } from "@mantine/core";
import { Link, useParams } from "react-router";

import { DeadLetters } from "~/features/webhooks/DeadLetters";
import { WebhookPanel } from "~/features/webhooks/WebhookPanel";
import { useWebhooks } from "~/features/webhooks/webhooks";
import { WebhooksTable } from "~/features/webhooks/WebhooksTable";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Page } from "~/ui/Page";

/** Where events are sent to, and what became of them. */
export function Component() {
  const { webhookId } = useParams();
  const { data, error, refetch } = useWebhooks();
  return (
    <Page title="Webhooks" above={<Back />}>
      {error !== null ? <ErrorMessage error={error} onRetry={() => void refetch()} /> : <WebhooksTable webhooks={data} selected={webhookId} />}
      <DeadLetters webhooks={data} />
      {webhookId !== undefined && <WebhookPanel id={webhookId} webhooks={data} />}
    </Page>
  );
}

function Back() {
  return (
    <Anchor component={Link} to="/admin/alerts" size="sm" underline="hover">
      Alerts
    </Anchor>
  );
}
