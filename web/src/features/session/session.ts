/** Who is signed in, as the gateway says. */
import { useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas, setCsrfToken } from "~/api/client";

export type Session = Schemas["SessionBody"];

export const SESSION = ["session"] as const;

export async function readSession(): Promise<Session | null> {
  // An answer of 401 would stand in the browser's console as an error.
  const session = await body(api.GET("/auth/session", { params: { query: { required: "false" } } }));
  return session === null ? null : withToken(session);
}

/** Later calls carry the token of this session. */
function withToken(session: Session): Session {
  setCsrfToken(session.csrf_token);
  return session;
}

/** The session: null when nobody is signed in, undefined until that is known. */
export function useSession(): { session: Session | null | undefined; error: Error | null; retry: () => void } {
  const { data, error, refetch } = useQuery({ queryKey: SESSION, queryFn: readSession, staleTime: Infinity, retry: false });
  return { session: data, error, retry: () => void refetch() };
}

export function useIsAdmin(): boolean {
  return useSession().session?.user.role === "admin";
}

export type Challenge = Schemas["ChallengeBody"];

/** Sign in and out, and change the password. What was read in another session is forgotten. */
export function useSignIn(): {
  /** The session or, for whoever has a second factor, what `secondStep` needs. */
  signIn: (username: string, password: string) => Promise<Session | Challenge>;
  secondStep: (challenge: Challenge, code: string) => Promise<Session>;
  signOut: (everywhere?: boolean) => Promise<void>;
  changePassword: (current: string, next: string) => Promise<void>;
} {
  const queries = useQueryClient();
  const become = (session: Session | null) => {
    // The session's own query stays: its observers would not notice a new one in its place.
    queries.setQueryData(SESSION, session);
    queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] });
    queries.getMutationCache().clear();
  };
  return {
    async signIn(username, password) {
      const found = await body<Session | Challenge>(api.POST("/auth/login", { body: { username, password } }));
      if ("challenge" in found) return found;
      become(withToken(found));
      return found;
    },
    async secondStep({ challenge }, code) {
      const session = withToken(await body(api.POST("/auth/second-factor", { body: { challenge, code } })));
      become(session);
      return session;
    },
    async signOut(everywhere = false) {
      const left = await body<Schemas["SignedOutBody"] | undefined>(everywhere ? api.POST("/auth/logout-all") : api.POST("/auth/logout"));
      setCsrfToken("");
      become(null);
      // Of the provider they signed in by, too.
      if (left !== undefined && "sign_out_url" in left) window.location.assign(left.sign_out_url);
    },
    async changePassword(current, next) {
      const form = { current_password: current, new_password: next };
      queries.setQueryData(SESSION, withToken(await body(api.POST("/auth/password", { body: form }))));
    },
  };
}
