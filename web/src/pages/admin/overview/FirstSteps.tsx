import { Anchor, Button, Text } from "@mantine/core";
import { Link } from "react-router";

import { curlOf } from "~/parts/FirstCall";
import { useSomeModel } from "~/parts/modelColor";
import { Panel } from "~/parts/Page";
import { Command, Empty } from "~/parts/states";

/** Before the first request: make somebody who may send it, then send it. */
export function FirstSteps() {
  const model = useSomeModel();
  return (
    <Panel>
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
        <Command text={curlOf(model)} label="A first request" />
      </Empty>
    </Panel>
  );
}
