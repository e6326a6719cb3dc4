import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import { RecoveryCodes } from "~/features/session/RecoveryCodes";
import { useSecondFactor, useSecondFactorChanges } from "~/features/session/secondFactor";
import { SetUpSecondFactor } from "~/features/session/SetUpSecondFactor";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { useNotices } from "~/ui/useNotices";

/** One's own second factor: sets it up, turns it off, replaces its recovery codes. */
export function SecondFactorDialog({ onClose }: { onClose: () => void }) {
  const { data, error } = useSecondFactor();
  const { refresh } = useSecondFactorChanges();
  // Recovery codes are shown once: nothing but their own button closes the dialog then.
  const [keeping, setKeeping] = useState(false);
  const close = () => {
    void refresh();
    onClose();
  };
  return (
    <Modal
      opened
      onClose={close}
      title="Second factor"
      withCloseButton={!keeping}
      closeOnClickOutside={!keeping}
      closeOnEscape={!keeping}
    >
      {error !== null && <ErrorMessage error={error} />}
      {data?.status === "on" && <Manage left={data.recovery_codes_left} onCodes={() => setKeeping(true)} onDone={close} />}
      {data !== undefined && data.status !== "on" && <SetUpSecondFactor onCodes={() => setKeeping(true)} onDone={close} />}
    </Modal>
  );
}

function Manage({ left, onCodes, onDone }: { left: number; onCodes: () => void; onDone: () => void }) {
  const { newCodes, turnOff } = useSecondFactorChanges();
  const { notify } = useNotices();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [recovery, setRecovery] = useState<string[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const run = (step: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    step()
      .catch((reason: unknown) => setError(reason instanceof Error ? reason.message : String(reason)))
      .finally(() => setBusy(false));
  };
  const replace = () =>
    run(async () => {
      setRecovery(await newCodes(password, code.trim()));
      onCodes();
    });
  const remove = () =>
    run(async () => {
      await turnOff(password, code.trim());
      notify({ state: "good", text: "Your second factor is off. Your password alone signs you in." });
      onDone();
    });

  if (recovery !== null) return <RecoveryCodes codes={recovery} onDone={onDone} />;
  const ready = password !== "" && code !== "";
  return (
    <Stack>
      <Text size="sm">
        Your second factor is on. {left === 1 ? "One recovery code is" : `${left} recovery codes are`} left. To change anything, enter
        your password and a code.
      </Text>
      <PasswordInput
        label="Your password"
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        data-autofocus
      />
      <TextInput
        label="Code"
        description="Six digits of the app, or a recovery code."
        autoComplete="one-time-code"
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
      {error !== null && (
        <Text c="var(--bad)" size="sm" role="alert">
          {error}
        </Text>
      )}
      <Group justify="flex-end">
        <Button variant="default" disabled={!ready} loading={busy} onClick={replace}>
          New recovery codes
        </Button>
        <Button color="red.9" disabled={!ready} loading={busy} onClick={remove}>
          Turn off
        </Button>
      </Group>
    </Stack>
  );
}
