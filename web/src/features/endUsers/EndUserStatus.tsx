import { IconCheck, IconCircleMinus, IconPlayerPause } from "@tabler/icons-react";

import type { EndUser } from "~/features/endUsers/endUsers";
import { Status, type StatusLooks } from "~/ui/Status";

const LOOKS: StatusLooks<EndUser["status"]> = {
  active: { tone: "good", icon: IconCheck },
  blocked: { tone: "warn", icon: IconPlayerPause },
  erased: { tone: "plain", icon: IconCircleMinus },
};

export function EndUserStatus({ of }: { of: EndUser["status"] }) {
  return <Status of={of} looks={LOOKS} />;
}
