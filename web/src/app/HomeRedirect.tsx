import { Navigate } from "react-router";

import { homeOf } from "~/features/session/home";
import { useSession } from "~/features/session/session";
import { ErrorMessage } from "~/ui/ErrorMessage";

/** `/ui/` itself: leads to the first page of whoever is signed in, or to the sign-in page. */
export function HomeRedirect() {
  const { session, error, retry } = useSession();
  if (session === undefined) return error === null ? null : <ErrorMessage error={error} onRetry={retry} />;
  return <Navigate to={session === null ? "/login" : homeOf(session)} replace />;
}
