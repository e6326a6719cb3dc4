import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";

import { useModels } from "~/parts/modelColor";
import { Panel } from "~/parts/Page";
import { Command, Empty } from "~/parts/states";

/** A request to type, with this gateway's own address. The key is left out: it is shown once, when it is made. */
export function curlOf(model: string, path = "/v1/chat/completions", stream = false): string {
  const said = path.endsWith("/embeddings")
    ? { input: "Hello" }
    : path.endsWith("/chat/completions")
      ? { messages: [{ role: "user", content: "Hello" }] }
      : { prompt: "Hello" };
  // Within the shell's single quotes one that the name holds is written so.
  const ask = JSON.stringify({ model, ...said, ...(stream && { stream }) }).replaceAll("'", "'\\''");
  return [
    `curl ${window.location.origin}${path} \\`,
    '  -H "Authorization: Bearer $TOLLKEEPER_KEY" \\',
    '  -H "Content-Type: application/json" \\',
    `  -d '${ask}'`,
  ].join("\n");
}

export function FirstCall() {
  const models = useModels();
  const model = models.data?.data[0]?.id ?? "llama3.2:1b";
  return (
    <Panel>
      <Empty title="No calls yet">
        <Text size="sm" c="dimmed">
          Put your key into TOLLKEEPER_KEY and send this, or <Anchor component={Link} to="/chat">ask something in the chat</Anchor>. A new
          key can be made under <Anchor component={Link} to="/keys">Keys</Anchor>.
        </Text>
        <Command text={curlOf(model)} label="A first request" />
      </Empty>
    </Panel>
  );
}
