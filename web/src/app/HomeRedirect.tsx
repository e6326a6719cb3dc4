import { Navigate } from "react-router";

import { homeOf } from "~/features/session/home";
import { useSession } from "~/features/session/session";
import { ErrorMessage } from "~/ui/ErrorMessage";

/** `/ui/` itself: leads to the first page of whoever is signed in, or to the sign-in page. */
export function HomeRedirect() {
  const { session, error } = useSession();
  if (error !== null) return <ErrorMessage error={error} />;
  if (session === undefined) return null;
  return <Navigate to={session === null ? "/login" : homeOf(session)} replace />;
}
