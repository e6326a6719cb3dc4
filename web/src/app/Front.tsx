import { Navigate } from "react-router";

import { homeOf } from "~/app/home";
import { useSession } from "~/app/session";
import { Fault } from "~/parts/states";

/** `/ui/` itself: everyone is led to the page that is theirs. */
export function Front() {
  const { session, fault } = useSession();
  if (fault !== null) return <Fault fault={fault} />;
  if (session === undefined) return null;
  return <Navigate to={session === null ? "/login" : homeOf(session)} replace />;
}
