import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createBrowserRouter, RouterProvider } from "react-router";
import { expect, it } from "vitest";

import { SESSION } from "~/features/session/session";
import { UsersTable } from "~/features/users/UsersTable";

import { sessionOf } from "../../render";

it("that nobody matches clears the filters, and leaves the period", async () => {
  window.history.replaceState(null, "", "/?period=7d&q=nobody&status=active&role=user&after=5&sort=cost");
  const queries = new QueryClient();
  queries.setQueryData(SESSION, sessionOf("admin"));
  const selection = { nameOf: () => "", has: () => false, toggle: () => undefined, toggleShown: () => undefined };
  const page = <UsersTable rows={[]} filtered sort={{ by: "cost", order: "desc", onSort: () => undefined }} span="7 days" onLimits={() => undefined} selection={selection} />;
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <RouterProvider router={createBrowserRouter([{ path: "/", element: page }])} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  await userEvent.click(screen.getByRole("button", { name: "Show everyone" }));
  expect(window.location.search).toBe("?period=7d&sort=cost");
});
