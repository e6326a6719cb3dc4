import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useState } from "react";
import { RouterProvider } from "react-router";

import { ApiError } from "~/api/client";
import { router } from "~/app/routes";
import { theme } from "~/app/theme";
import { SESSION } from "~/features/session/session";
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

export function App() {
  const [queries] = useState(makeQueryClient);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={queries}>
        <Notices>
          <RouterProvider router={router} />
        </Notices>
      </QueryClientProvider>
    </MantineProvider>
  );
}
