import { act, render } from "@testing-library/react";
import { createBrowserRouter, RouterProvider } from "react-router";
import { expect, it } from "vitest";

import { useFilter, usePanel } from "~/ui/urlState";

it("a change keeps one that is not rendered yet", async () => {
  const setters: Record<string, (value: string) => void> = {};
  function Page() {
    [, setters["q"]] = useFilter("q");
    [, setters["status"]] = useFilter("status");
    [, setters["open"]] = usePanel("open");
    return null;
  }
  window.history.replaceState(null, "", "/?after=5");
  render(<RouterProvider router={createBrowserRouter([{ path: "/", element: <Page /> }])} />);
  await act(async () => {
    setters["q"]?.("ann");
    setters["status"]?.("active");
    setters["open"]?.("new");
    await Promise.resolve();
  });
  expect(window.location.search).toBe("?q=ann&status=active&open=new");
});
