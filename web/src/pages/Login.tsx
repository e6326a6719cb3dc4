import { Button, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { type SyntheticEvent, useEffect, useState } from "react";
import { Navigate, useSearchParams } from "react-router";

import { homeOf } from "~/app/home";
import { useSession, useSignIn } from "~/app/session";

import classes from "./Login.module.css";

/** Where to go after signing in: a page of ours that the link asked for, never another site. */
export function safeNext(next: string | null): string | null {
  if (!next?.startsWith("/")) return null;
  const url = new URL(`/ui${next}`, window.location.origin);
  const path = url.pathname.slice(3);
  // A path that begins with two slashes would be a host.
  const ours = url.origin === window.location.origin && url.pathname.startsWith("/ui/") && !path.startsWith("//");
  return ours ? path + url.search : null;
}

export function Login() {
  const { session } = useSession();
  const [params] = useSearchParams();
  const { signIn } = useSignIn();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    document.title = "Sign in · Tollkeeper";
  }, []);

  if (session) {
    const next = safeNext(params.get("next"));
    // Pages of the other role would only send on once more.
    const fits = next !== null && next.startsWith("/admin") === (session.user.role === "admin");
    return <Navigate to={fits ? next : homeOf(session)} replace />;
  }

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    signIn(username.trim(), password)
      .catch((reason: unknown) => {
        setFault(reason instanceof Error ? reason.message : String(reason));
        setPassword("");
      })
      .finally(() => setBusy(false));
  };

  return (
    <main className={classes["page"]}>
      <div className={classes["brand"]}>
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width={32} height={32} />
        <Title order={1}>Tollkeeper</Title>
      </div>
      <Paper className={classes["card"] ?? ""} component="form" onSubmit={submit} aria-label="Sign in">
        <Stack gap="md">
          {needsTls() && (
            <Text size="sm" className={classes["notice"] ?? ""} role="note">
              This page did not come over HTTPS, so signing in will not work from here. Put TLS in front of the gateway, or open it on
              its own machine at localhost.
            </Text>
          )}
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
          {fault !== null && (
            <Text size="sm" c="var(--bad)" role="alert">
              {fault}
            </Text>
          )}
          <Button type="submit" size="sm" loading={busy} fullWidth>
            Sign in
          </Button>
        </Stack>
      </Paper>
      <Text size="xs" c="dimmed" ta="center">
        No password? Ask the admin who gave you your key to set one.
      </Text>
    </main>
  );
}

/** The session's cookie is sent over TLS alone, but for loopback. */
function needsTls(): boolean {
  const { protocol, hostname } = window.location;
  return protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
