import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";

import { curlCommand } from "~/api/curl";
import { useExampleModel } from "~/features/models/models";
import { Command } from "~/ui/Command";
import { Empty } from "~/ui/Empty";
import { Panel } from "~/ui/Panel";

/** For users, before their first call: how to send one. */
export function FirstCall() {
  const model = useExampleModel();
  return (
    <Panel flush>
      <Empty title="No calls yet">
        <Text size="sm" c="dimmed">
          Put your key into TOLLKEEPER_KEY and send this, or <Anchor component={Link} to="/chat">ask something in the chat</Anchor>. A new
          key can be made under <Anchor component={Link} to="/keys">Keys</Anchor>.
        </Text>
        <Command text={curlCommand(model)} label="A first request" />
      </Empty>
    </Panel>
  );
}
