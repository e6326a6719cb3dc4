import { Button, Text } from "@mantine/core";
import { useState } from "react";
import { useNavigate } from "react-router";

import { EVENT_WORDS } from "~/features/alerts/words";
import { DeliveryList } from "~/features/webhooks/DeliveryList";
import { RemoveWebhook, RotateSecret } from "~/features/webhooks/WebhookDialogs";
import { useDeliveries, useRetryAll, useSetStatus, useTestWebhook, type Webhook } from "~/features/webhooks/webhooks";
import { WebhookStatus } from "~/features/webhooks/WebhookStatus";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Fact } from "~/ui/Fact";
import { count } from "~/ui/format/numbers";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { RelativeTime, Timestamp } from "~/ui/Times";
import { useNotices } from "~/ui/useNotices";

import classes from "./Webhooks.module.css";

const BACK = "/admin/webhooks";

/** A webhook: what it gets, the last deliveries, and what can be done with it. */
export function WebhookPanel({ id, webhooks }: { id: string; webhooks: readonly Webhook[] | undefined }) {
  const webhook = webhooks?.find((other) => other.id === id);
  return (
    <SidePanel title="Webhook" back={BACK}>
      {webhooks === undefined ? <Loading height={320} /> : webhook === undefined ? <Empty title="There is no such webhook" /> : <Details of={webhook} />}
    </SidePanel>
  );
}

function Details({ of: webhook }: { of: Webhook }) {
  return (
    <>
      <dl className={classes["facts"]}>
        <Fact name="Address">{webhook.url}</Fact>
        {webhook.description !== null && <Fact name="For">{webhook.description}</Fact>}
        <Fact name="Status">
          <WebhookStatus of={webhook.status} />
        </Fact>
        <Fact name="Events">{webhook.events === null ? "all" : webhook.events.map((type) => EVENT_WORDS[type]).join(", ")}</Fact>
        <Fact name="Made">
          <Timestamp at={webhook.created_at} />
        </Fact>
        {webhook.former_secret_until !== null && (
          <Fact name="Old secret ends">
            <RelativeTime at={webhook.former_secret_until} />
          </Fact>
        )}
      </dl>
      <Actions webhook={webhook} />
      <h3 className={classes["heading"]}>Last deliveries</h3>
      <Deliveries webhook={webhook} />
    </>
  );
}

function Actions({ webhook }: { webhook: Webhook }) {
  const [dialog, setDialog] = useState<"rotate" | "remove" | null>(null);
  const navigate = useNavigate();
  const test = useTestWebhook();
  const setStatus = useSetStatus();
  const { notify } = useNotices();
  const failed = ({ message }: Error) => notify({ state: "bad", text: message });
  const tryIt = () =>
    test.mutate(webhook.id, {
      onSuccess: ({ delivered, error, took_ms: took }) =>
        notify(delivered ? { state: "good", text: `The test arrived, in ${count(took)} ms.` } : { state: "bad", text: `The test did not arrive: ${error ?? ""}.` }),
      onError: failed,
    });
  const paused = webhook.status === "paused";
  return (
    <div className={classes["actions"]}>
      <Button size="compact-sm" variant="default" loading={test.isPending} onClick={tryIt}>
        Send a test
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => setStatus.mutate({ id: webhook.id, status: paused ? "active" : "paused" }, { onError: failed })}>
        {paused ? "Resume" : "Pause"}
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => setDialog("rotate")}>
        Rotate the secret
      </Button>
      <Button size="compact-sm" variant="default" color="red.9" onClick={() => setDialog("remove")}>
        Remove
      </Button>
      {dialog === "rotate" && <RotateSecret webhook={webhook} onClose={() => setDialog(null)} />}
      {dialog === "remove" && <RemoveWebhook webhook={webhook} onClose={() => setDialog(null)} onRemoved={() => void navigate(BACK)} />}
    </div>
  );
}

function Deliveries({ webhook }: { webhook: Webhook }) {
  const { data, error, refetch } = useDeliveries(webhook.id);
  const retryAll = useRetryAll();
  if (error !== null) return <ErrorMessage error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Loading height={160} />;
  if (data.data.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        Nothing was sent yet. A test shows whether it would arrive.
      </Text>
    );
  }
  const dead = data.data.filter(({ status }) => status === "dead").length;
  return (
    <>
      {dead > 0 && (
        <div className={classes["actions"]}>
          <Button size="compact-sm" variant="default" loading={retryAll.isPending} onClick={() => retryAll.mutate(webhook.id)}>
            Try all that are dead again
          </Button>
        </div>
      )}
      <DeliveryList deliveries={data.data} />
    </>
  );
}
