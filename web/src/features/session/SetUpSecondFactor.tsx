import { Button, Code, Group, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";

import { QrCode } from "~/features/session/QrCode";
import { RecoveryCodes } from "~/features/session/RecoveryCodes";
import { type SetUp, useSecondFactorChanges } from "~/features/session/secondFactor";
import { CopyButton } from "~/ui/CopyButton";

import classes from "./SecondFactor.module.css";

/** Sets a second factor up: the password, the app with its first code, the recovery codes. */
export function SetUpSecondFactor({ onCodes, onDone }: { onCodes?: () => void; onDone: () => void }) {
  const { setUp, confirm } = useSecondFactorChanges();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [made, setMade] = useState<SetUp | null>(null);
  const [recovery, setRecovery] = useState<string[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const run = (step: () => Promise<void>) => (event: SyntheticEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    step()
      .catch((reason: unknown) => setError(reason instanceof Error ? reason.message : String(reason)))
      .finally(() => setBusy(false));
  };
  const begin = run(async () => {
    setMade(await setUp(password));
    setPassword("");
  });
  const finish = run(async () => {
    setRecovery(await confirm(code.trim()));
    onCodes?.();
  });

  if (recovery !== null) return <RecoveryCodes codes={recovery} onDone={onDone} />;
  return (
    <form onSubmit={made === null ? begin : finish}>
      <Stack>
        {made === null ? (
          <>
            <Text size="sm">
              With a second factor a password alone no longer signs you in: it takes six digits of an authenticator app, too.
            </Text>
            <PasswordInput
              label="Your password"
              autoComplete="current-password"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              required
              data-autofocus
            />
          </>
        ) : (
          <>
            <Text size="sm">Scan this with your authenticator app, or type the secret into it. Then enter the six digits that it shows.</Text>
            <QrCode text={made.uri} label="QR code of the secret below" />
            <Group gap="xs" justify="center">
              <Code className={classes["secret"] ?? ""}>{made.secret}</Code>
              <CopyButton text={made.secret} what="secret" />
            </Group>
            <TextInput
              label="Code of the app"
              autoComplete="one-time-code"
              inputMode="numeric"
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
              required
              autoFocus
            />
          </>
        )}
        {error !== null && (
          <Text c="var(--bad)" size="sm" role="alert">
            {error}
          </Text>
        )}
        <Group justify="flex-end">
          <Button type="submit" loading={busy}>
            {made === null ? "Set up" : "Turn on"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
