import { IconBan, IconCheck, IconFileText, IconPencil } from "@tabler/icons-react";

import type { InvoiceStatus as State } from "~/features/invoices/invoices";
import { Status, type StatusLooks } from "~/ui/Status";

const LOOKS: StatusLooks<State> = {
  draft: { tone: "plain", icon: IconPencil },
  finalized: { tone: "warn", icon: IconFileText },
  paid: { tone: "good", icon: IconCheck },
  void: { tone: "plain", icon: IconBan },
};

/** By it nothing is to be paid: nobody is waited for. */
const SETTLED: StatusLooks<State> = { ...LOOKS, finalized: { tone: "plain", icon: IconFileText } };

export function InvoiceStatus({ of, settled = false }: { of: State; settled?: boolean }) {
  return <Status of={of} looks={settled ? SETTLED : LOOKS} />;
}
