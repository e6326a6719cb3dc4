import { Button, Text } from "@mantine/core";
import { useRouteError } from "react-router";

import { Problem } from "~/pages/Problem";

const TEXT =
  "Nothing was lost: what you changed is at the gateway. Load it again; if that does not help, tell the operator what you did and what stands below.";

/** In the place of a page that threw an error; `framed` where the frame still stands around it. */
export function ErrorPage({ framed = false }: { framed?: boolean }) {
  const error = useRouteError();
  return (
    <Problem title="This page broke" text={TEXT} framed={framed}>
      <Text ff="monospace" size="xs" c="dimmed">
        {error instanceof Error ? error.message : String(error)}
      </Text>
      <Button onClick={() => window.location.reload()} w="fit-content">
        Load again
      </Button>
    </Problem>
  );
}
