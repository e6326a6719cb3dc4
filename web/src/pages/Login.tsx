import { Text, Title } from "@mantine/core";
import { useEffect } from "react";

import { destinationOf, safeNext } from "~/features/session/next";
import { useSession } from "~/features/session/session";
import { SignInForm } from "~/features/session/SignInForm";
import { failureWords } from "~/features/session/waysIn";

import classes from "./Login.module.css";

interface Props {
  /** The query of the page's address. */
  params: URLSearchParams;
  /** Go to this page, below /ui, in the place of this one. */
  onSignedIn: (path: string) => void;
}

/** The sign-in page; leads whoever is signed in to where they wanted to go. It knows no router, so that it comes without one. */
export function Login({ params, onSignedIn }: Props) {
  const { session } = useSession();
  const next = safeNext(params.get("next"));

  useEffect(() => {
    document.title = "Sign in · Tollkeeper";
  }, []);
  useEffect(() => {
    if (session) onSignedIn(destinationOf(session, next));
  }, [session, next, onSignedIn]);

  if (session) return null;
  return (
    <main className={classes["page"]}>
      <div className={classes["brand"]}>
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width={32} height={32} />
        <Title order={1}>Tollkeeper</Title>
      </div>
      <SignInForm next={next} failure={failureWords(params.get("error"))} />
      <Text size="xs" c="dimmed" ta="center" className={classes["hint"] ?? ""}>
        No password? Ask the admin who gave you your key to set one.
      </Text>
    </main>
  );
}
