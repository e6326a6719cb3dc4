import { Button } from "@mantine/core";

import { EVENT_WORDS } from "~/features/alerts/words";
import { type Delivery, useRetry } from "~/features/webhooks/webhooks";
import { DeliveryStatus } from "~/features/webhooks/WebhookStatus";
import { RelativeTime, Timestamp } from "~/ui/Times";
import { useNotices } from "~/ui/useNotices";

import classes from "./Webhooks.module.css";

interface Props {
  deliveries: readonly Delivery[];
  /** Where one goes, where that is to be said. */
  targetOf?: (delivery: Delivery) => string;
}

/** Deliveries, each with its last tries. */
export function DeliveryList({ deliveries, targetOf }: Props) {
  const retry = useRetry();
  const { notify } = useNotices();
  const again = (id: string) => retry.mutate(id, { onError: ({ message }) => notify({ state: "bad", text: message }) });
  return (
    <ul className={classes["deliveries"]}>
      {deliveries.map((delivery) => (
        <li key={delivery.id}>
          <div className={classes["line"]}>
            <span>
              {EVENT_WORDS[delivery.event_type]} <span className="unit"><Timestamp at={delivery.event_at} /></span>
            </span>
            <span>
              <DeliveryStatus of={delivery.status} />{" "}
              {delivery.status === "dead" && (
                <Button size="compact-xs" variant="default" onClick={() => again(delivery.id)} aria-label={`Try again: ${EVENT_WORDS[delivery.event_type]}`}>
                  Try again
                </Button>
              )}
            </span>
          </div>
          {targetOf !== undefined && <div className={classes["target"]}>to {targetOf(delivery)}</div>}
          {delivery.tries.length > 0 && delivery.status !== "delivered" && (
            <ul className={classes["tries"]}>
              {delivery.tries.toReversed().map((tried) => (
                <li key={tried.at}>
                  <Timestamp at={tried.at} />: {tried.error ?? `delivered, ${tried.status ?? ""}`}
                </li>
              ))}
            </ul>
          )}
          {delivery.next_try_at !== null && (
            <div className="unit">
              next try <RelativeTime at={delivery.next_try_at} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}
