import { IconBan, IconCheck, IconFileText, IconPencil } from "@tabler/icons-react";

import type { InvoiceStatus as State } from "~/features/invoices/invoices";
import { Status, type StatusLooks } from "~/ui/Status";

const LOOKS: StatusLooks<State> = {
  draft: { tone: "plain", icon: IconPencil },
  finalized: { tone: "warn", icon: IconFileText },
  paid: { tone: "good", icon: IconCheck },
  void: { tone: "plain", icon: IconBan },
};

export function InvoiceStatus({ of }: { of: State }) {
  return <Status of={of} looks={LOOKS} />;
}
