import { Button, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { messageOf } from "~/api/client";
import { type Session, SESSION, useSignIn } from "~/features/session/session";
import { useNotices } from "~/ui/useNotices";

/** What a suspended user sees: the reason, and the ways to check again and to sign out. */
export function Suspended({ session: { user } }: { session: Session }) {
  const { signOut } = useSignIn();
  const { notify } = useNotices();
  const queries = useQueryClient();
  useEffect(() => {
    document.title = "Account suspended · Tollkeeper";
  }, []);
  const leave = () => {
    signOut().catch((error: unknown) => notify({ state: "bad", text: messageOf(error) }));
  };
  return (
    <Stack component="main" p="xl" maw={560} mx="auto" mt="10vh">
      <Title order={1}>Your account is suspended</Title>
      <Text>
        Requests of {user.user_id} are refused, and these pages are closed to you, until an admin makes the account active again. Your
        keys, limits and records are kept. Ask the admin who gave you the account.
      </Text>
      <div>
        <Button onClick={() => void queries.invalidateQueries({ queryKey: SESSION })} mr="xs">
          Look again
        </Button>
        <Button variant="default" onClick={leave}>
          Sign out
        </Button>
      </div>
    </Stack>
  );
}
