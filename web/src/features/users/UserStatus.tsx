import { IconCheck, IconCircleMinus, IconPlayerPause } from "@tabler/icons-react";

import type { UserRow } from "~/features/users/users";
import { Status, type StatusLooks } from "~/ui/Status";

const LOOKS: StatusLooks<UserRow["status"]> = {
  active: { tone: "good", icon: IconCheck },
  suspended: { tone: "warn", icon: IconPlayerPause },
  closed: { tone: "plain", icon: IconCircleMinus },
};

export function UserStatus({ of }: { of: UserRow["status"] }) {
  return <Status of={of} looks={LOOKS} />;
}
