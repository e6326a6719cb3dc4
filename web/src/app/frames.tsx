/** The frame around every page: the rail, who is signed in, and the guard that sends people to the pages that are theirs. */
import {
  IconBook2, IconBoxModel2, IconChartBar, IconCoin, IconHistory, IconHome, IconKey, IconListDetails, IconMessage, IconServer2,
  IconUsers, type TablerIcon,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Suspense, useEffect } from "react";
import { Navigate, Outlet, useLocation } from "react-router";

import { homeOf } from "~/app/home";
import { Rail } from "~/app/Rail";
import { type Session, SESSION, useSession } from "~/app/session";
import { Suspended } from "~/app/Suspended";
import { feed } from "~/parts/live";
import { Fault, PageSkeleton } from "~/parts/states";

import classes from "./frames.module.css";

export interface Place {
  to: string;
  label: string;
  icon: TablerIcon;
}

const ADMIN_PLACES: Place[] = [
  { to: "/admin", label: "Overview", icon: IconChartBar },
  { to: "/admin/users", label: "Users", icon: IconUsers },
  { to: "/admin/calls", label: "Calls", icon: IconListDetails },
  { to: "/admin/models", label: "Models", icon: IconBoxModel2 },
  { to: "/admin/upstreams", label: "Upstreams", icon: IconServer2 },
  { to: "/admin/billing", label: "Billing", icon: IconCoin },
  { to: "/admin/audit", label: "Audit", icon: IconHistory },
];

const USER_PLACES: Place[] = [
  { to: "/home", label: "Home", icon: IconHome },
  { to: "/calls", label: "Calls", icon: IconListDetails },
  { to: "/keys", label: "Keys", icon: IconKey },
  { to: "/chat", label: "Chat", icon: IconMessage },
];

export const DOCS = { href: "/docs", label: "API", icon: IconBook2 };

export function UserFrame() {
  return <Frame role="user" places={USER_PLACES} />;
}

export function AdminFrame() {
  return <Frame role="admin" places={ADMIN_PLACES} />;
}

/** For a page that is nobody's: in the frame of whoever is signed in, bare for everyone else. */
export function AnyFrame() {
  const { session } = useSession();
  if (session?.user.role === "admin") return <AdminFrame />;
  if (session?.user.role === "user") return <UserFrame />;
  return (
    <main className={classes["bare"]}>
      <Outlet />
    </main>
  );
}

function Frame({ role, places }: { role: Session["user"]["role"]; places: Place[] }) {
  const { session, fault } = useSession();
  const { pathname, search } = useLocation();
  const queries = useQueryClient();
  useEffect(() => feed.whenRefused(() => void queries.invalidateQueries({ queryKey: SESSION })), [queries]);
  // What was known of the session holds while the gateway cannot be asked.
  if (session === undefined) return fault === null ? null : <Fault fault={fault} />;
  if (session === null) return <Navigate to={`/login?next=${encodeURIComponent(pathname + search)}`} replace />;
  if (session.user.status === "suspended") return <Suspended session={session} />;
  if (session.user.role !== role) return <Navigate to={homeOf(session)} replace />;
  return (
    <div className={classes["frame"]}>
      <a className={classes["skip"]} href="#content">
        Skip to the content
      </a>
      <Rail places={places} session={session} />
      <main id="content" className={classes["content"]} tabIndex={-1}>
        <Suspense fallback={<PageSkeleton />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}
