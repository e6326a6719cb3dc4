import { Anchor, Button, Text } from "@mantine/core";
import { Link } from "react-router";

import { curlCommand } from "~/api/curl";
import { useExampleModel } from "~/features/models/models";
import { Command } from "~/ui/Command";
import { Empty } from "~/ui/Empty";
import { Panel } from "~/ui/Panel";

/** For admins, before the first request: make a user, then send a request. */
export function FirstSteps() {
  const model = useExampleModel();
  return (
    <Panel flush>
      <Empty title="No requests yet">
        <Text size="sm" c="dimmed">
          Make a user; their key is shown once. Put it into TOLLKEEPER_KEY and send the request below: the figures above move within a
          second. What a request costs is set under <Anchor component={Link} to="/admin/billing">Billing</Anchor>.
        </Text>
        <div>
          <Button component={Link} to="/admin/users?new=1">
            Make a user
          </Button>
        </div>
        <Command text={curlCommand(model)} label="A first request" />
      </Empty>
    </Panel>
  );
}
