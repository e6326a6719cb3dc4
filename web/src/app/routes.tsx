/** Every page, by its path below /ui. Each is a chunk of its own, fetched when it is first opened. */
import { Text } from "@mantine/core";
import type { ComponentType } from "react";
import { createBrowserRouter, type RouteObject } from "react-router";

import { HomeRedirect } from "~/app/HomeRedirect";
import { LoginRoute } from "~/app/LoginRoute";
import { ErrorPage } from "~/pages/ErrorPage";
import { PageMissing } from "~/pages/PageMissing";
import { IN_UTC } from "~/ui/clock";
import { lazily, type Missing } from "~/ui/lazily";

interface PageRoute {
  path?: string;
  index?: true;
  lazy: () => Promise<{ Component: ComponentType }>;
  handle?: typeof IN_UTC;
}

/** Pages in a frame, which stays when one of them breaks or cannot be fetched. */
function framed(pages: PageRoute[]): RouteObject[] {
  return [{ errorElement: <ErrorPage framed />, children: pages.map(pageOf) }];
}

function pageOf({ path, index, lazy, handle }: PageRoute): RouteObject {
  const Page = lazily(async () => (await lazy()).Component, { waiting: PageWaiting, missing: FramedPageMissing, reloads: true });
  return { ...(index === true ? { index } : path !== undefined && { path }), ...(handle !== undefined && { handle }), lazy: whenLoaded(Page) };
}

/** Where a page that was missing is fetched again. */
const PageWaiting = () => (
  <Text c="dimmed" role="status" aria-busy>
    Loading
  </Text>
);
const FramedPageMissing = ({ missing }: { missing: Missing }) => <PageMissing missing={missing} framed />;

function frame(name: "UserFrame" | "AdminFrame" | "AnyFrame"): Pick<RouteObject, "lazy"> {
  const Frame = lazily(async () => (await import("~/app/Frame"))[name], { waiting: () => null, missing: PageMissing, reloads: true });
  return { lazy: whenLoaded(Frame) };
}

/** The page before stays until the code of the next is here. The router itself learns of no failure: it would never try again. */
function whenLoaded(Component: ReturnType<typeof lazily<object>>) {
  return async () => {
    await Component.load();
    return { Component };
  };
}

const NOT_FOUND: PageRoute = { path: "*", lazy: () => import("~/pages/NotFound") };

export const routes: RouteObject[] = [
  {
    errorElement: <ErrorPage />,
    // While the chunk of the first page is on its way.
    hydrateFallbackElement: <></>,
    children: [
      { index: true, element: <HomeRedirect /> },
      { path: "login", element: <LoginRoute /> },
      {
        ...frame("UserFrame"),
        children: framed([
          { path: "home", lazy: () => import("~/pages/user/Home") },
          { path: "usage", lazy: () => import("~/pages/user/Usage"), handle: IN_UTC },
          { path: "calls/:requestId?", lazy: () => import("~/pages/user/Calls") },
          { path: "invoices", lazy: () => import("~/pages/user/Invoices") },
          { path: "invoices/:invoiceId", lazy: () => import("~/pages/user/Invoice") },
          { path: "keys", lazy: () => import("~/pages/user/Keys") },
          { path: "team", lazy: () => import("~/pages/user/Team") },
          { path: "chat", lazy: () => import("~/pages/user/Chat") },
        ]),
      },
      {
        path: "admin",
        ...frame("AdminFrame"),
        children: framed([
          { index: true, lazy: () => import("~/pages/admin/Overview") },
          { path: "usage", lazy: () => import("~/pages/admin/Usage"), handle: IN_UTC },
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
        ]),
      },
      { ...frame("AnyFrame"), children: framed([NOT_FOUND]) },
    ],
  },
];

export const router = createBrowserRouter(routes, { basename: "/ui" });
