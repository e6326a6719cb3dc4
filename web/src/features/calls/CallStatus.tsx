import { IconCheck, IconPlayerStop, IconQuestionMark, IconX } from "@tabler/icons-react";

import type { CallRecord } from "~/features/calls/calls";
import { Status, type StatusLooks } from "~/ui/Status";

const LOOKS: StatusLooks<CallRecord["status"]> = {
  completed: { tone: "good", icon: IconCheck },
  cancelled: { tone: "plain", icon: IconPlayerStop },
  failed: { tone: "bad", icon: IconX },
  lost: { tone: "warn", icon: IconQuestionMark },
};

export function CallStatus({ of }: { of: CallRecord["status"] }) {
  return <Status of={of} looks={LOOKS} />;
}
