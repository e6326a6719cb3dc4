import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useState } from "react";
import { RouterProvider } from "react-router";

import { ApiError } from "~/api/client";
import { SESSION } from "~/app/session";
import { theme } from "~/app/theme";
import { Notices } from "~/parts/Notices";
import { router } from "~/app/routes";

/** The nonce of this page, by which its policy lets Mantine's style elements in. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
// What holds the page still below a dialog adds a style element of its own, and looks there for its nonce (get-nonce).
Object.assign(window, { __webpack_nonce__: nonce });

export function makeQueryClient(): QueryClient {
  // A session that ended leads to the sign-in page, from wherever it is noticed.
  const notice = (fault: Error) => {
    if (fault instanceof ApiError && fault.status === 401) queries.setQueryData(SESSION, null);
  };
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: notice }),
    mutationCache: new MutationCache({ onError: notice }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: (count, fault) => count < 2 && !(fault instanceof ApiError && fault.status >= 400 && fault.status < 500),
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
