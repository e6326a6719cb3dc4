import { MantineProvider } from "@mantine/core";
import { act, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { createBrowserRouter, Link, RouterProvider } from "react-router";
import { expect, it } from "vitest";

import { TextFilter } from "~/ui/TextFilter";

function shown() {
  window.history.replaceState(null, "", "/");
  const page = (
    <>
      <TextFilter name="actor" label="Who" placeholder="" />
      <Link to="/">All</Link>
      <Link to="/?actor=bob">Bob</Link>
    </>
  );
  render(
    <MantineProvider env="test">
      <RouterProvider router={createBrowserRouter([{ path: "/", element: page }])} />
    </MantineProvider>,
  );
  return { user: userEvent.setup(), field: () => screen.getByLabelText<HTMLInputElement>("Who") };
}

it("shows the filter again that a way back brings back", async () => {
  const { user, field } = shown();
  await user.type(field(), "ann");
  await waitFor(() => expect(window.location.search).toBe("?actor=ann"));
  await user.click(screen.getByRole("link", { name: "All" }));
  await waitFor(() => expect(field().value).toBe(""));
  act(() => window.history.back());
  await waitFor(() => expect(window.location.search).toBe("?actor=ann"));
  await waitFor(() => expect(field().value).toBe("ann"));
});

it("gives up what was typed just before a link was followed", async () => {
  const { user, field } = shown();
  await user.type(field(), "ann");
  await user.click(screen.getByRole("link", { name: "Bob" }));
  await waitFor(() => expect(field().value).toBe("bob"));
  await user.type(field(), "by");
  await waitFor(() => expect(window.location.search).toBe("?actor=bobby"));
  expect(field().value).toBe("bobby");
});
