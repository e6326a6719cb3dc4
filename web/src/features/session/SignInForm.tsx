import { Button, Divider, Paper, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";

import { messageOf } from "~/api/client";
import { SecondStepForm } from "~/features/session/SecondStepForm";
import { type Challenge, useSignIn } from "~/features/session/session";
import { startOf, useWaysIn } from "~/features/session/waysIn";

import classes from "./SignInForm.module.css";

interface Props {
  /** The page to come to afterwards; null: the first one. */
  next: string | null;
  /** Why the way by a provider failed; null: it did not. */
  failure: string | null;
}

/** Signs in with a name and a password, or by a provider. */
export function SignInForm({ next, failure }: Props) {
  const { signIn } = useSignIn();
  const { data: ways } = useWaysIn();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [challenge, setChallenge] = useState<Challenge | null>(null);
  const [error, setError] = useState<string | null>(failure);
  const [busy, setBusy] = useState(false);

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    signIn(username.trim(), password)
      .then((found) => setChallenge("challenge" in found ? found : null))
      .catch((reason: unknown) => {
        setError(messageOf(reason));
        setPassword("");
      })
      .finally(() => setBusy(false));
  };
  const again = (why: string | null) => {
    setChallenge(null);
    setPassword("");
    setError(why);
  };

  if (challenge !== null) return <SecondStepForm challenge={challenge} onAgain={again} />;
  const passwords = ways?.password ?? true;
  const providers = ways?.providers ?? [];
  return (
    <Paper className={classes["card"] ?? ""} component="form" onSubmit={submit} aria-label="Sign in">
      <Stack gap="md">
        {needsTls() && (
          <Text size="sm" className={classes["notice"] ?? ""} role="note">
            This page did not come over HTTPS, so signing in will not work from here. Put TLS in front of the gateway, or open it on
            its own machine at localhost.
          </Text>
        )}
        {passwords && (
          <>
            <TextInput
              label="Username"
              name="username"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
              required
              withAsterisk={false}
              autoFocus
            />
            <PasswordInput
              label="Password"
              name="password"
              autoComplete="current-password"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              required
              withAsterisk={false}
            />
          </>
        )}
        {error !== null && (
          <Text size="sm" c="var(--bad)" role="alert">
            {error}
          </Text>
        )}
        {passwords && (
          <Button type="submit" size="sm" loading={busy} fullWidth>
            Sign in
          </Button>
        )}
        {passwords && providers.length > 0 && <Divider label="or" />}
        {providers.map((provider) => (
          <Button
            key={provider.id}
            component="a"
            href={startOf(provider, next)}
            variant="default"
            size="sm"
            fullWidth
            classNames={{ root: classes["provider"] ?? "", label: classes["providerName"] ?? "" }}
          >
            Continue with {provider.name}
          </Button>
        ))}
        {!passwords && providers.length === 0 && (
          <Text size="sm">Nobody signs in here: passwords are turned off, and there is no provider. Use an API key.</Text>
        )}
      </Stack>
    </Paper>
  );
}

/** Whether signing in cannot work here: the session's cookie is sent only over TLS, and to loopback. */
function needsTls(): boolean {
  const { protocol, hostname } = window.location;
  return protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
