import { DeliveryList } from "~/features/webhooks/DeliveryList";
import { useDead } from "~/features/webhooks/webhooks";
import { Panel } from "~/ui/Panel";

/** What was tried for a day in vain, to webhooks and mailboxes; nothing where there is none. */
export function DeadLetters() {
  const { data } = useDead();
  if (data === undefined || data.data.length === 0) return null;
  return (
    <Panel title="Dead letters">
      <DeliveryList deliveries={data.data} targets />
    </Panel>
  );
}
