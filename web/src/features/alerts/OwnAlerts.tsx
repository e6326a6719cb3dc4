import { Stack } from "@mantine/core";

import { useAlerts } from "~/features/alerts/alerts";
import { alertWords, ownSubject } from "~/features/alerts/words";
import { RelativeTime } from "~/ui/Times";
import { Warning } from "~/ui/Warning";

/** One's own budgets and those of one's team that are mostly used, or used up; nothing where there are none. */
export function OwnAlerts() {
  const { data } = useAlerts("own");
  if (data === undefined || data.length === 0) return null;
  return (
    <Stack component="section" gap="xs" aria-label="Alerts">
      {data.map((alert) => (
        <Warning key={alert.event_id}>
          {ownSubject(alert)}
          {alertWords(alert)} is {alert.percent === 100 ? "used up" : "used"}, reached <RelativeTime at={alert.since} />.
        </Warning>
      ))}
    </Stack>
  );
}
