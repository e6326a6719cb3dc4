import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, renderHook } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { MemoryRouter } from "react-router";

import { type Session, SESSION } from "~/features/session/session";

/** What components find around them on a page. */
function surroundings({ session }: { session?: Session | null } = {}) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  if (session !== undefined) queries.setQueryData(SESSION, session);
  const wrapper = ({ children }: { children: ReactNode }) => (
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <MemoryRouter>{children}</MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>
  );
  return { queries, wrapper };
}

/** Render a component as on a page; returns whoever uses it, and the cache. */
export function show(content: ReactNode, given?: { session?: Session | null }) {
  const { queries, wrapper } = surroundings(given);
  render(content, { wrapper });
  return { user: userEvent.setup(), queries };
}

/** Call a hook as on a page. */
export function showHook<Result>(hook: () => Result, given?: { session?: Session | null }) {
  const { queries, wrapper } = surroundings(given);
  return { ...renderHook(hook, { wrapper }), queries };
}

export function sessionOf(role: Session["user"]["role"]): Session {
  const user = { user_id: "ann", name: null, role, status: "active", team: null, team_admin: false } as const;
  return { user, csrf_token: "", created_at: "", expires_at: "", provider: null, second_factor: "off" };
}

/** A response of the API, for `vi.spyOn(api, …)`. */
export function answer(data: unknown) {
  return { data, response: new Response() } as never;
}

/** An error response of the API. */
export function refusal(status: number, message: string) {
  return { error: { error: { message, code: null, param: null } }, response: new Response(null, { status }) } as never;
}
