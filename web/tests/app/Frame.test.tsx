import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { createMemoryRouter, type RouteObject, RouterProvider } from "react-router";
import { beforeEach, expect, it } from "vitest";

import { AdminFrame } from "~/app/Frame";
import { routes } from "~/app/routes";
import { SESSION } from "~/features/session/session";
import { chooseClock, IN_UTC, useClock } from "~/ui/clock";

import { sessionOf } from "../render";

const Zone = () => <p>{useClock().zone}</p>;

function open(path: string) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  queries.setQueryData(SESSION, sessionOf("admin"));
  const pages = [
    { path: "/usage", handle: IN_UTC, element: <Zone /> },
    { path: "/calls", element: <Zone /> },
  ];
  const router = createMemoryRouter([{ element: <AdminFrame />, children: pages }], { initialEntries: [path] });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return userEvent.setup();
}

beforeEach(() => {
  chooseClock("here");
});

it("says why there is no choice of clocks where a page goes by UTC", async () => {
  const user = open("/usage");
  const clock = await screen.findByRole("button", { name: "This page counts in UTC days" });
  expect(clock.getAttribute("aria-disabled")).toBe("true");
  await screen.findByText("UTC");
  await user.click(clock);
  // The choice for other pages stays.
  expect(window.localStorage.getItem("tollkeeper.clock")).toBe("here");
});

it("has a choice of clocks on all other pages", async () => {
  const user = open("/calls");
  await screen.findByText("Europe/Berlin");
  await user.click(screen.getByRole("button", { name: "Times of your clock, Europe/Berlin. Change" }));
  await screen.findByText("UTC");
  expect(screen.getByRole("button", { name: "Times in UTC. Change" }).getAttribute("aria-disabled")).toBeNull();
});

it("knows which pages go by UTC", () => {
  const found: string[] = [];
  const visit = (some: readonly RouteObject[], above: string) => {
    for (const { path = "", handle, children = [] } of some) {
      const here = path === "" ? above : `${above}/${path}`;
      if (handle === IN_UTC) found.push(here);
      visit(children, here);
    }
  };
  visit(routes, "");
  expect(found).toEqual(["/usage", "/admin/usage"]);
});
