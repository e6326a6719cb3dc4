import { useParams } from "react-router";

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
    <Page title="Webhooks">
      {error !== null ? <ErrorMessage error={error} onRetry={() => void refetch()} /> : <WebhooksTable webhooks={data} selected={webhookId} />}
      <DeadLetters />
      {webhookId !== undefined && <WebhookPanel id={webhookId} webhooks={data} />}
    </Page>
  );
}
