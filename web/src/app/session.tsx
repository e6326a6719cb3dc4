/** Who is signed in. The session itself is the gateway's; here is what it says of it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";

import { api, ApiError, body, type Schemas, setCsrfToken } from "~/api/client";

export type Session = Schemas["SessionBody"];

export const SESSION = ["session"] as const;

export async function readSession(): Promise<Session | null> {
  try {
    return kept(await body(api.GET("/auth/session")));
  } catch (fault) {
    if (fault instanceof ApiError && fault.status === 401) return null;
    throw fault;
  }
}

function kept(session: Session): Session {
  setCsrfToken(session.csrf_token);
  return session;
}

/** The session, null when nobody is signed in, undefined until that is known. */
export function useSession(): { session: Session | null | undefined; fault: Error | null } {
  const found = useQuery({ queryKey: SESSION, queryFn: readSession, staleTime: Infinity, retry: false });
  return { session: found.data, fault: found.error };
}

/** What signing in and out do to the pages: whatever was seen as somebody else is forgotten. */
export function useSignIn(): {
  signIn: (username: string, password: string) => Promise<Session>;
  signOut: (everywhere?: boolean) => Promise<void>;
  changePassword: (current: string, wanted: string) => Promise<void>;
} {
  const queries = useQueryClient();
  const become = (session: Session | null) => {
    // The session's own query stays: whoever looks at it would not learn of one that takes its place.
    queries.setQueryData(SESSION, session);
    queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] });
    queries.getMutationCache().clear();
  };
  return {
    async signIn(username, password) {
      const session = kept(await body(api.POST("/auth/login", { body: { username, password } })));
      become(session);
      return session;
    },
    async signOut(everywhere = false) {
      await body(everywhere ? api.POST("/auth/logout-all") : api.POST("/auth/logout"));
      setCsrfToken("");
      become(null);
    },
    async changePassword(current, wanted) {
      const changed = { current_password: current, new_password: wanted };
      queries.setQueryData(SESSION, kept(await body(api.POST("/auth/password", { body: changed }))));
    },
  };
}
