import type { Session } from "~/features/session/session";

/** The first page of whoever is signed in, below /ui. */
export function homeOf(session: Session): string {
  return session.user.role === "admin" ? "/admin" : "/home";
}
