import { homeOf } from "~/features/session/home";
import type { Session } from "~/features/session/session";

/** Where to go after signing in: the path that the link names, if it is one of these pages and not another site. */
export function safeNext(next: string | null): string | null {
  if (!next?.startsWith("/")) return null;
  const url = new URL(`/ui${next}`, window.location.origin);
  const path = url.pathname.slice(3);
  // A path that begins with two slashes would name a host.
  const ours = url.origin === window.location.origin && url.pathname.startsWith("/ui/") && !path.startsWith("//");
  return ours ? path + url.search : null;
}

/** The page to come to after signing in. One of the other role would only redirect again. */
export function destinationOf(session: Session, next: string | null): string {
  const fits = next !== null && next.startsWith("/admin") === (session.user.role === "admin");
  return fits ? next : homeOf(session);
}
