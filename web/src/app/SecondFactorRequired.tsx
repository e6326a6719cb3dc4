import { Button, Stack, Text, Title } from "@mantine/core";
import { useEffect } from "react";

import { messageOf } from "~/api/client";
import { useSecondFactorChanges } from "~/features/session/secondFactor";
import { useSignIn } from "~/features/session/session";
import { SetUpSecondFactor } from "~/features/session/SetUpSecondFactor";
import { useNotices } from "~/ui/useNotices";

/** What an admin sees who needs a second factor and has none: the way to set it up, and the way out. */
export function SecondFactorRequired() {
  const { signOut } = useSignIn();
  const { refresh } = useSecondFactorChanges();
  const { notify } = useNotices();
  useEffect(() => {
    document.title = "Second factor · Tollkeeper";
  }, []);
  const failed = (error: unknown) => notify({ state: "bad", text: messageOf(error) });
  return (
    <Stack component="main" p="xl" maw={560} mx="auto" mt="6vh">
      <Title order={1}>Set up your second factor</Title>
      <Text>Admins of this gateway need a second factor. Everything else opens once you have one.</Text>
      <SetUpSecondFactor onDone={() => void refresh().catch(failed)} />
      <div>
        <Button variant="default" onClick={() => void signOut().catch(failed)}>
          Sign out
        </Button>
      </div>
    </Stack>
  );
}
