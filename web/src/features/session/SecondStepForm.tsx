import { Button, Paper, Stack, Text, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";

import { ApiError, messageOf } from "~/api/client";
import { type Challenge, useSignIn } from "~/features/session/session";

import classes from "./SignInForm.module.css";

interface Props {
  challenge: Challenge;
  /** Back to the password, with the reason, if there is one. */
  onAgain: (why: string | null) => void;
}

/** The second step of a sign-in: a code of the authenticator app, or a recovery code. */
export function SecondStepForm({ challenge, onAgain }: Props) {
  const { secondStep } = useSignIn();
  const [code, setCode] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    secondStep(challenge, code.trim())
      .catch((reason: unknown) => {
        if (reason instanceof ApiError && reason.code === "not_signed_in") onAgain(reason.message);
        setError(messageOf(reason));
        setCode("");
      })
      .finally(() => setBusy(false));
  };

  return (
    <Paper className={classes["card"] ?? ""} component="form" onSubmit={submit} aria-label="Second factor">
      <Stack gap="md">
        <TextInput
          label="Code"
          description="Six digits of your authenticator app, or one of your recovery codes."
          name="code"
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          required
          withAsterisk={false}
          autoFocus
        />
        {error !== null && (
          <Text size="sm" c="var(--bad)" role="alert">
            {error}
          </Text>
        )}
        <Button type="submit" size="sm" loading={busy} fullWidth>
          Sign in
        </Button>
        <Button variant="subtle" size="compact-sm" onClick={() => onAgain(null)}>
          Back
        </Button>
      </Stack>
    </Paper>
  );
}
