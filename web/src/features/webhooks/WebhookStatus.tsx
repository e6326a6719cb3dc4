import { IconCheck, IconCircleX, IconClock, IconPlayerPause } from "@tabler/icons-react";

import type { DeliveryStatus as Sent, Webhook } from "~/features/webhooks/webhooks";
import { Status, type StatusLooks } from "~/ui/Status";

const LOOKS: StatusLooks<Webhook["status"]> = {
  active: { tone: "good", icon: IconCheck },
  paused: { tone: "plain", icon: IconPlayerPause },
};

export function WebhookStatus({ of }: { of: Webhook["status"] }) {
  return <Status of={of} looks={LOOKS} />;
}

const SENT: StatusLooks<Sent> = {
  delivered: { tone: "good", icon: IconCheck },
  pending: { tone: "warn", icon: IconClock },
  dead: { tone: "bad", icon: IconCircleX },
};

export function DeliveryStatus({ of }: { of: Sent }) {
  return <Status of={of} looks={SENT} />;
}
