import { IconAlertTriangle, IconCheck, IconHourglass, IconPlayerPause } from "@tabler/icons-react";

import type { Upstream } from "~/features/upstreams/upstreams";
import { Status, type StatusLooks } from "~/ui/Status";

type State = Upstream["health"]["state"] | Exclude<Upstream["state"], "active">;

const LOOKS: StatusLooks<State> = {
  up: { tone: "good", icon: IconCheck },
  down: { tone: "bad", icon: IconAlertTriangle },
  probing: { tone: "warn", icon: IconHourglass },
  draining: { tone: "warn", icon: IconHourglass },
  disabled: { tone: "plain", icon: IconPlayerPause },
};

/** Whether it can be reached, or that it was taken out of service. */
export function UpstreamStatus({ of }: { of: State }) {
  return <Status of={of} looks={LOOKS} />;
}

type Breaker = Upstream["health"]["breaker"];

const BREAKER_LOOKS: StatusLooks<Breaker> = {
  closed: { tone: "good", icon: IconCheck },
  open: { tone: "bad", icon: IconAlertTriangle },
  "half-open": { tone: "warn", icon: IconHourglass },
};

/** Whether requests are kept from it after failures: open keeps all of them, half-open tries one at a time. */
export function BreakerStatus({ of }: { of: Breaker }) {
  return <Status of={of} looks={BREAKER_LOOKS} />;
}
