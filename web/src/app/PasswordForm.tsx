import { Button, Group, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";

import { useSignIn } from "~/app/session";
import { useNotices } from "~/parts/notice";

/** Change one's own password; every other session of the account ends. */
export function PasswordForm({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { changePassword } = useSignIn();
  const { tell } = useNotices();
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const close = () => {
    setCurrent("");
    setWanted("");
    setFault(null);
    onClose();
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setBusy(true);
    changePassword(current, wanted)
      .then(() => {
        tell({ state: "good", text: "Your password is changed. You are signed out everywhere else." });
        close();
      })
      .catch((reason: unknown) => setFault(reason instanceof Error ? reason.message : String(reason)))
      .finally(() => setBusy(false));
  };

  return (
    <Modal opened={opened} onClose={close} title="Change password">
      <form onSubmit={submit}>
        <Stack>
          <PasswordInput
            label="Current password"
            autoComplete="current-password"
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
            required
            data-autofocus
          />
          <PasswordInput
            label="New password"
            description="At least 6 characters. Other browsers where you are signed in are signed out."
            autoComplete="new-password"
            minLength={6}
            value={wanted}
            onChange={(event) => setWanted(event.currentTarget.value)}
            required
          />
          {fault !== null && (
            <Text c="var(--bad)" size="sm" role="alert">
              {fault}
            </Text>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={busy}>
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
