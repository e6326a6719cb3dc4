import { Button } from "@mantine/core";
import { Link } from "react-router";

import { AlertsTable } from "~/features/alerts/AlertsTable";
import { EventsTable } from "~/features/alerts/EventsTable";
import { Page } from "~/ui/Page";

/** What somebody should know: what is so now, and what happened. */
export function Component() {
  const webhooks = (
    <Button component={Link} to="/admin/webhooks" variant="default">
      Webhooks
    </Button>
  );
  return (
    <Page title="Alerts" actions={webhooks}>
      <AlertsTable />
      <EventsTable />
    </Page>
  );
}
