import { Button, Stack, Text, Title } from "@mantine/core";
import { useRouteError } from "react-router";

/** In the place of a page that threw an error. */
export function ErrorPage() {
  const error = useRouteError();
  return (
    <Stack component="main" p="xl" maw={560} mx="auto" mt="10vh">
      <Title order={1}>This page broke</Title>
      <Text>
        Nothing was lost: what you changed is at the gateway. Load it again; if that does not help, tell the operator what you did
        and what stands below.
      </Text>
      <Text ff="monospace" size="xs" c="dimmed">
        {error instanceof Error ? error.message : String(error)}
      </Text>
      <Button onClick={() => window.location.reload()} w="fit-content">
        Load again
      </Button>
    </Stack>
  );
}
