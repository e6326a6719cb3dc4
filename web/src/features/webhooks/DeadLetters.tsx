import { DeliveryList } from "~/features/webhooks/DeliveryList";
import { useDead, type Webhook } from "~/features/webhooks/webhooks";
import { Panel } from "~/ui/Panel";

/** What was tried for a day in vain, to webhooks and mailboxes; nothing where there is none. */
export function DeadLetters({ webhooks = [] }: { webhooks: readonly Webhook[] | undefined }) {
  const { data } = useDead();
  if (data === undefined || data.data.length === 0) return null;
  return (
    <Panel title="Dead letters">
      <DeliveryList deliveries={data.data} targetOf={({ target }) => webhooks.find(({ id }) => id === target)?.url ?? target} />
    </Panel>
  );
}
