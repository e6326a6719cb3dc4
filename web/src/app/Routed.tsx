import { RouterProvider } from "react-router";

import { router } from "~/app/routes";

/** All pages: whichever the address names. */
export function Routed() {
  return <RouterProvider router={router} />;
}
