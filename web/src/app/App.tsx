import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useCallback, useState } from "react";

import { ApiError } from "~/api/client";
import { theme } from "~/app/theme";
import { SESSION } from "~/features/session/session";
import { Login } from "~/pages/Login";
import { PageMissing } from "~/pages/PageMissing";
import { lazily } from "~/ui/lazily";
import { Notices } from "~/ui/Notices";

/** The nonce of this page, by which its content security policy allows Mantine's style elements. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
// The package that locks scrolling below a dialog adds a style element of its own, and looks here for the nonce (get-nonce).
Object.assign(window, { __webpack_nonce__: nonce });

export function makeQueryClient(): QueryClient {
  // The session has ended: its null leads to the sign-in page.
  const onError = (error: Error) => {
    if (error instanceof ApiError && error.status === 401) queries.setQueryData(SESSION, null);
  };
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      },
    },
  });
  return queries;
}

/** The router and its pages come behind the sign-in page, which most people wait for with nothing in their cache. */
const Routed = lazily(async () => (await import("~/app/Routed")).Routed, { waiting: () => null, missing: PageMissing, reloads: true });

const LOGIN = `${import.meta.env.BASE_URL}login`;

function Pages() {
  const [atLogin, setAtLogin] = useState(() => window.location.pathname.replace(/\/$/, "") === LOGIN);
  const [params] = useState(() => new URLSearchParams(window.location.search));
  const onSignedIn = useCallback((path: string) => {
    // The router begins with this address.
    window.history.replaceState(null, "", `${import.meta.env.BASE_URL.slice(0, -1)}${path}`);
    setAtLogin(false);
  }, []);
  return atLogin ? <Login params={params} onSignedIn={onSignedIn} /> : <Routed />;
}

export function App() {
  const [queries] = useState(makeQueryClient);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={queries}>
        <Notices>
          <Pages />
        </Notices>
      </QueryClientProvider>
    </MantineProvider>
  );
}
