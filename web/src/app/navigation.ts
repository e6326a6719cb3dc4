/** The entries of the rail, for each role. */
import {
  IconBell, IconBook2, IconBoxModel2, IconChartBar, IconChartHistogram, IconCoin, IconFileInvoice, IconHistory, IconHome, IconKey, IconListDetails,
  IconMessage, IconServer2, IconUsers, IconUsersGroup, type TablerIcon,
} from "@tabler/icons-react";

export interface NavigationItem {
  to: string;
  label: string;
  icon: TablerIcon;
  /** Paths of pages that are reached from this one and have no entry of their own. */
  covers?: string;
}

export const ADMIN_NAVIGATION: NavigationItem[] = [
  { to: "/admin", label: "Overview", icon: IconChartBar },
  { to: "/admin/usage", label: "Usage", icon: IconChartHistogram },
  { to: "/admin/users", label: "Users", icon: IconUsers },
  { to: "/admin/teams", label: "Teams", icon: IconUsersGroup },
  { to: "/admin/calls", label: "Calls", icon: IconListDetails },
  { to: "/admin/models", label: "Models", icon: IconBoxModel2 },
  { to: "/admin/upstreams", label: "Upstreams", icon: IconServer2 },
  { to: "/admin/billing", label: "Billing", icon: IconCoin },
  { to: "/admin/alerts", label: "Alerts", icon: IconBell, covers: "/admin/webhooks" },
  { to: "/admin/audit", label: "Audit", icon: IconHistory },
];

const USER_NAVIGATION: NavigationItem[] = [
  { to: "/home", label: "Home", icon: IconHome },
  { to: "/usage", label: "Usage", icon: IconChartHistogram },
  { to: "/calls", label: "Calls", icon: IconListDetails },
  { to: "/keys", label: "Keys", icon: IconKey },
  { to: "/invoices", label: "Invoices", icon: IconFileInvoice },
  { to: "/chat", label: "Chat", icon: IconMessage },
];

/** What an admin of a team has beside the entries of users. */
const TEAM: NavigationItem = { to: "/team", label: "Team", icon: IconUsersGroup };

/** The entries of a user, for an admin of a team that page, too. */
export function userNavigation(user: { team_admin: boolean }): NavigationItem[] {
  return user.team_admin ? [...USER_NAVIGATION.slice(0, -1), TEAM, ...USER_NAVIGATION.slice(-1)] : USER_NAVIGATION;
}

/** The API's documentation, outside the pages. */
export const DOCS = { href: "/docs", label: "API", icon: IconBook2 };

/** Pages for admins that are reached from those in the rail. */
const ADMIN_PAGES = [
  { to: "/admin/billing/invoices", label: "Invoices" },
  { to: "/admin/webhooks", label: "Webhooks" },
];

/** Every page, by its name, for the jump box. */
export function pagesOf(user: { role: "admin" | "user"; team_admin: boolean }): { to: string; label: string }[] {
  return user.role === "admin" ? [...ADMIN_NAVIGATION, ...ADMIN_PAGES] : userNavigation(user);
}
