import { Text, Title } from "@mantine/core";
import { useEffect } from "react";
import { Navigate, useSearchParams } from "react-router";

import { homeOf } from "~/features/session/home";
import { safeNext } from "~/features/session/next";
import { useSession } from "~/features/session/session";
import { SignInForm } from "~/features/session/SignInForm";
import { failureWords } from "~/features/session/waysIn";

import classes from "./Login.module.css";

/** The sign-in page; leads whoever is signed in to where they wanted to go. */
export function Login() {
  const { session } = useSession();
  const [params] = useSearchParams();

  useEffect(() => {
    document.title = "Sign in · Tollkeeper";
  }, []);

  if (session) {
    const next = safeNext(params.get("next"));
    // A page of the other role would only redirect again.
    const fits = next !== null && next.startsWith("/admin") === (session.user.role === "admin");
    return <Navigate to={fits ? next : homeOf(session)} replace />;
  }
  return (
    <main className={classes["page"]}>
      <div className={classes["brand"]}>
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width={32} height={32} />
        <Title order={1}>Tollkeeper</Title>
      </div>
      <SignInForm next={safeNext(params.get("next"))} failure={failureWords(params.get("error"))} />
      <Text size="xs" c="dimmed" ta="center">
        No password? Ask the admin who gave you your key to set one.
      </Text>
    </main>
  );
}
