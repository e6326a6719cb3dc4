import { Stack } from "@mantine/core";

import { useAlerts } from "~/features/alerts/alerts";
import { alertWords } from "~/features/alerts/words";
import { RelativeTime } from "~/ui/Times";
import { Warning } from "~/ui/Warning";

/** One's own budgets that are mostly used, or used up; nothing where there are none. */
export function OwnAlerts() {
  const { data } = useAlerts("own");
  // Of end users there may be thousands: the panel of each key's owner shows what they have left.
  const own = data?.filter((alert) => alert.kind !== "end_user") ?? [];
  if (own.length === 0) return null;
  return (
    <Stack component="section" gap="xs" aria-label="Alerts">
      {own.map((alert) => (
        <Warning key={alert.event_id}>
          {alert.kind === "key" ? `Key ${alert.id}: ` : ""}
          {alert.percent === 100 ? "used up: " : ""}
          {alertWords(alert)}, reached <RelativeTime at={alert.since} />.
        </Warning>
      ))}
    </Stack>
  );
}
