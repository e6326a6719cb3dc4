/** The frame around every page: the rail, and the guard that sends people to the pages of their role. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Navigate, Outlet, useLocation, useMatches } from "react-router";

import { ADMIN_NAVIGATION, userNavigation } from "~/app/navigation";
import { Rail } from "~/app/Rail";
import { Suspended } from "~/app/Suspended";
import { whenRefused } from "~/features/live/source";
import { homeOf } from "~/features/session/home";
import { type Session, SESSION, useSession } from "~/features/session/session";
import { PageMissing } from "~/pages/PageMissing";
import { IN_UTC, PageClock, UTC } from "~/ui/clock";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { lazily } from "~/ui/lazily";

import classes from "./Frame.module.css";

// A chunk of its own: few people need what draws QR codes.
const SecondFactorRequired = lazily(async () => (await import("~/app/SecondFactorRequired")).SecondFactorRequired, {
  waiting: () => null,
  missing: PageMissing,
});

export function UserFrame() {
  return <Frame role="user" />;
}

export function AdminFrame() {
  return <Frame role="admin" />;
}

/** For a page of no role: in the frame of whoever is signed in, without one for everyone else. */
export function AnyFrame() {
  const { session } = useSession();
  if (session?.user.role === "admin") return <AdminFrame />;
  if (session?.user.role === "user") return <UserFrame />;
  return (
    <main className={classes["bare"]}>
      <Outlet />
    </main>
  );
}

function Frame({ role }: { role: Session["user"]["role"] }) {
  const { session, error, retry } = useSession();
  const { pathname, search } = useLocation();
  const queries = useQueryClient();
  const clock = useMatches().some(({ handle }) => handle === IN_UTC) ? UTC : null;
  useEffect(() => whenRefused(() => void queries.invalidateQueries({ queryKey: SESSION })), [queries]);
  // An error counts only where there is no session yet: a known one holds while the gateway cannot be reached.
  if (session === undefined) return error === null ? null : <ErrorMessage error={error} onRetry={retry} />;
  if (session === null) return <Navigate to={`/login?next=${encodeURIComponent(pathname + search)}`} replace />;
  if (session.user.status === "suspended") return <Suspended session={session} />;
  if (session.second_factor === "required") return <SecondFactorRequired />;
  if (session.user.role !== role) return <Navigate to={homeOf(session)} replace />;
  return (
    <PageClock value={clock}>
      <div className={classes["frame"]}>
        <a className={classes["skip"]} href="#content">
          Skip to the content
        </a>
        <Rail items={role === "admin" ? ADMIN_NAVIGATION : userNavigation(session.user)} session={session} />
        <main id="content" className={classes["content"]} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </PageClock>
  );
}
