import { IconCheck, IconCircleMinus } from "@tabler/icons-react";

import type { TeamRow } from "~/features/teams/teams";
import { Status, type StatusLooks } from "~/ui/Status";

const LOOKS: StatusLooks<TeamRow["status"]> = {
  active: { tone: "good", icon: IconCheck },
  closed: { tone: "plain", icon: IconCircleMinus },
};

export function TeamStatus({ of }: { of: TeamRow["status"] }) {
  return <Status of={of} looks={LOOKS} />;
}
