import { IconCheck, IconCircleMinus } from "@tabler/icons-react";

import type { Key } from "~/features/keys/keys";
import { Status, type StatusLooks } from "~/ui/Status";

const LOOKS: StatusLooks<Key["status"]> = {
  active: { tone: "good", icon: IconCheck },
  revoked: { tone: "plain", icon: IconCircleMinus },
  expired: { tone: "plain", icon: IconCircleMinus },
};

export function KeyStatus({ of }: { of: Key["status"] }) {
  return <Status of={of} looks={LOOKS} />;
}
