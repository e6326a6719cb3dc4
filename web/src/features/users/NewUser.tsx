import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useNavigate } from "react-router";

import { curlCommand } from "~/api/curl";
import { useExampleModel } from "~/features/models/models";
import { type MadeUser, NewUserForm } from "~/features/users/NewUserForm";
import { Command } from "~/ui/Command";
import { CopyButton } from "~/ui/CopyButton";

import classes from "./NewUser.module.css";

/** Makes a user, then shows their key, the only time that it can be seen. */
export function NewUser({ opened, close }: { opened: boolean; close: () => void }) {
  const [made, setMade] = useState<MadeUser | null>(null);
  const done = () => {
    setMade(null);
    close();
  };
  return (
    <Modal
      opened={opened}
      onClose={done}
      title={made === null ? "New user" : `${made.user_id} was created`}
      size={620}
      // The key is shown only here, so it must not be closed by mistake.
      withCloseButton={made === null}
      closeOnClickOutside={made === null}
      closeOnEscape={made === null}
    >
      {opened && (made === null ? <NewUserForm onMade={setMade} close={done} /> : <NewUserKey made={made} close={done} />)}
    </Modal>
  );
}

function NewUserKey({ made, close }: { made: MadeUser; close: () => void }) {
  const navigate = useNavigate();
  const model = useExampleModel();
  const { api_key: key, user_id: userId } = made;
  return (
    <Stack gap="md">
      <Text size="sm">This is their key. It is shown this once: the gateway keeps only its fingerprint.</Text>
      <div className={classes["key"]}>
        <code>{key}</code>
        <CopyButton text={key} what="key" />
      </div>
      <Text size="sm" c="dimmed">
        To try it:
      </Text>
      <Command text={curlCommand(model).replace("$TOLLKEEPER_KEY", key)} label="A first request with this key" />
      <Group justify="flex-end" gap={8}>
        <Button variant="default" onClick={() => void navigate(`/admin/users/${encodeURIComponent(userId)}`)}>
          Open {userId}
        </Button>
        <Button onClick={close} data-autofocus>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
