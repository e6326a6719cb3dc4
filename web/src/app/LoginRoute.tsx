import { useCallback } from "react";
import { useNavigate, useSearchParams } from "react-router";

import { Login } from "~/pages/Login";

/** The sign-in page, for whoever comes to it from another page. */
export function LoginRoute() {
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const onSignedIn = useCallback((path: string) => void navigate(path, { replace: true }), [navigate]);
  return <Login params={params} onSignedIn={onSignedIn} />;
}
