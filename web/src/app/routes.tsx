/** Every page, by its path below /ui. Each is a piece of its own, fetched when it is first opened. */
import { createBrowserRouter, type RouteObject } from "react-router";

import { Broken } from "~/app/Broken";
import { Front } from "~/app/Front";
import { Login } from "~/pages/Login";

const NOT_THERE: RouteObject = { path: "*", lazy: () => import("~/app/NotThere") };

export const routes: RouteObject[] = [
  {
    errorElement: <Broken />,
    // While the first page's own piece is on its way.
    hydrateFallbackElement: <></>,
    children: [
      { index: true, element: <Front /> },
      { path: "login", element: <Login /> },
      {
        lazy: async () => ({ Component: (await import("~/app/frames")).UserFrame }),
        children: [
          { path: "home", lazy: () => import("~/pages/user/Home") },
          { path: "calls/:requestId?", lazy: () => import("~/pages/user/Calls") },
          { path: "keys", lazy: () => import("~/pages/user/Keys") },
          { path: "chat", lazy: () => import("~/pages/chat/Chat") },
        ],
      },
      {
        path: "admin",
        lazy: async () => ({ Component: (await import("~/app/frames")).AdminFrame }),
        children: [
          { index: true, lazy: () => import("~/pages/admin/Overview") },
          { path: "users", lazy: () => import("~/pages/admin/Users") },
          { path: "users/:userId", lazy: () => import("~/pages/admin/User") },
          { path: "calls/:requestId?", lazy: () => import("~/pages/admin/Calls") },
          { path: "models", lazy: () => import("~/pages/admin/Models") },
          { path: "upstreams", lazy: () => import("~/pages/admin/Upstreams") },
          { path: "billing/:model?", lazy: () => import("~/pages/admin/Billing") },
          { path: "audit/:entryId?", lazy: () => import("~/pages/admin/Audit") },
          NOT_THERE,
        ],
      },
      { lazy: async () => ({ Component: (await import("~/app/frames")).AnyFrame }), children: [NOT_THERE] },
    ],
  },
];

export const router = createBrowserRouter(routes, { basename: "/ui" });
