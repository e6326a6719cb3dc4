/** Every page, by its path below /ui. Each is a chunk of its own, fetched when it is first opened. */
import { createBrowserRouter, type RouteObject } from "react-router";

import { HomeRedirect } from "~/app/HomeRedirect";
import { ErrorPage } from "~/pages/ErrorPage";
import { Login } from "~/pages/Login";

const NOT_FOUND: RouteObject = { path: "*", lazy: () => import("~/pages/NotFound") };

export const routes: RouteObject[] = [
  {
    errorElement: <ErrorPage />,
    // While the chunk of the first page is on its way.
    hydrateFallbackElement: <></>,
    children: [
      { index: true, element: <HomeRedirect /> },
      { path: "login", element: <Login /> },
      {
        lazy: async () => ({ Component: (await import("~/app/Frame")).UserFrame }),
        children: [
          { path: "home", lazy: () => import("~/pages/user/Home") },
          { path: "calls/:requestId?", lazy: () => import("~/pages/user/Calls") },
          { path: "invoices", lazy: () => import("~/pages/user/Invoices") },
          { path: "invoices/:invoiceId", lazy: () => import("~/pages/user/Invoice") },
          { path: "keys", lazy: () => import("~/pages/user/Keys") },
          { path: "team", lazy: () => import("~/pages/user/Team") },
          { path: "chat", lazy: () => import("~/pages/user/Chat") },
        ],
      },
      {
        path: "admin",
        lazy: async () => ({ Component: (await import("~/app/Frame")).AdminFrame }),
        children: [
          { index: true, lazy: () => import("~/pages/admin/Overview") },
          { path: "users", lazy: () => import("~/pages/admin/Users") },
          { path: "users/:userId", lazy: () => import("~/pages/admin/User") },
          { path: "teams", lazy: () => import("~/pages/admin/Teams") },
          { path: "teams/:teamId", lazy: () => import("~/pages/admin/Team") },
          { path: "calls/:requestId?", lazy: () => import("~/pages/admin/Calls") },
          { path: "models/:model?", lazy: () => import("~/pages/admin/Models") },
          { path: "upstreams/:upstreamId?", lazy: () => import("~/pages/admin/Upstreams") },
          { path: "billing/:model?", lazy: () => import("~/pages/admin/Billing") },
          { path: "alerts", lazy: () => import("~/pages/admin/Alerts") },
          { path: "webhooks/:webhookId?", lazy: () => import("~/pages/admin/Webhooks") },
          { path: "billing/months/:month", lazy: () => import("~/pages/admin/Month") },
          { path: "billing/drafts/:month/:kind/:payer", lazy: () => import("~/pages/admin/Draft") },
          { path: "billing/invoices", lazy: () => import("~/pages/admin/Invoices") },
          { path: "billing/invoices/:invoiceId", lazy: () => import("~/pages/admin/Invoice") },
          { path: "audit/:entryId?", lazy: () => import("~/pages/admin/Audit") },
          NOT_FOUND,
        ],
      },
      { lazy: async () => ({ Component: (await import("~/app/Frame")).AnyFrame }), children: [NOT_FOUND] },
    ],
  },
];

export const router = createBrowserRouter(routes, { basename: "/ui" });
