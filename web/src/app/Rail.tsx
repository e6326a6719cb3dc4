import { ActionIcon, Menu, Tooltip, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconDeviceDesktop, IconKey, IconLogout, IconMapPin, IconMoon, IconShieldLock, IconSun, IconUserCircle, IconWorld } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "react-router";

import { messageOf } from "~/api/client";
import { Jump } from "~/app/Jump";
import { DOCS, type NavigationItem } from "~/app/navigation";
import { UpgradeNotice } from "~/app/UpgradeNotice";
import { type Session, useSignIn } from "~/features/session/session";
import { chooseClock, useClock, useFixedClock, viewersClock } from "~/ui/clock";
import { lazily } from "~/ui/lazily";
import { Name } from "~/ui/Name";
import { useNotices } from "~/ui/useNotices";

import classes from "./Rail.module.css";

// Chunks of their own: few people open them.
const PasswordDialog = lazily(async () => (await import("~/features/session/PasswordDialog")).PasswordDialog, {
  waiting: () => null,
  missing: DialogMissing,
});
const SecondFactorDialog = lazily(async () => (await import("~/features/session/SecondFactorDialog")).SecondFactorDialog, {
  waiting: () => null,
  missing: DialogMissing,
});

/** Says so, and gives the menu back. */
function DialogMissing({ onClose }: { onClose: () => void }) {
  const { notify } = useNotices();
  useEffect(() => {
    notify({ state: "bad", text: "This dialog could not be fetched from the gateway. Try it again in a moment, or load the page again." });
    onClose();
  });
  return null;
}

/** Navigation and account: at the left, or at the bottom in a narrow window. */
export function Rail({ items, session }: { items: NavigationItem[]; session: Session }) {
  const { pathname } = useLocation();
  const nav = useRef<HTMLElement>(null);
  // In a narrow window the entries are a row that is scrolled.
  useEffect(() => {
    nav.current?.querySelector(".active")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [pathname]);
  return (
    <header className={classes["rail"]}>
      <div className={classes["brand"]}>
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width={22} height={22} />
        <span>Tollkeeper</span>
      </div>
      <Jump user={session.user} />
      <nav ref={nav} aria-label="Pages" className={classes["items"]}>
        {items.map((item) => (
          <Entry key={item.to} of={item} />
        ))}
        <a href={DOCS.href} className={`${classes["item"] ?? ""} ${classes["outside"] ?? ""}`}>
          <DOCS.icon size={18} stroke={1.6} aria-hidden />
          <span>{DOCS.label}</span>
        </a>
      </nav>
      <UpgradeNotice />
      <Account session={session} />
    </header>
  );
}

/** An entry, marked on its page and on those that are reached from there. */
function Entry({ of: { to, label, icon: Icon, covers } }: { of: NavigationItem }) {
  const { pathname } = useLocation();
  const isAt = (path: string) => pathname === path || (path !== "/admin" && pathname.startsWith(`${path}/`));
  const current = isAt(to) ? "page" : covers !== undefined && isAt(covers) ? "true" : undefined;
  return (
    <Link to={to} className={`${classes["item"] ?? ""} ${current === undefined ? "" : "active"}`} aria-current={current}>
      <Icon size={18} stroke={1.6} aria-hidden />
      <span>{label}</span>
    </Link>
  );
}

function Account({ session }: { session: Session }) {
  const { signOut } = useSignIn();
  const { notify } = useNotices();
  /** Null: never opened. */
  const [changing, setChanging] = useState<boolean | null>(null);
  const [securing, setSecuring] = useState(false);
  // An entry that is merely hidden would stop the arrow keys. The width is that of Rail.module.css.
  const narrow = useMediaQuery("(max-width: 899px)", false, { getInitialValueInEffect: false });
  const { user } = session;
  const leave = (everywhere: boolean) => {
    signOut(everywhere).catch((error: unknown) => notify({ state: "bad", text: messageOf(error) }));
  };
  return (
    <div className={classes["account"]}>
      <Menu position="top-start" width={220} withinPortal transitionProps={{ duration: 100 }}>
        <Menu.Target>
          <UnstyledButton className={classes["who"]} aria-label={`Account of ${user.name ?? user.user_id}`}>
            <IconUserCircle size={18} stroke={1.6} aria-hidden />
            <span className={classes["name"]}>
              <Name text={user.name ?? user.user_id} />
            </span>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label className={classes["id"] ?? ""}>
            {user.user_id} · {user.role}
          </Menu.Label>
          {session.provider === null && (
            <Menu.Item leftSection={<IconKey size={15} />} onClick={() => setChanging(true)}>
              Change password
            </Menu.Item>
          )}
          {session.provider === null && (
            <Menu.Item leftSection={<IconShieldLock size={15} />} onClick={() => setSecuring(true)}>
              Second factor
            </Menu.Item>
          )}
          {narrow && (
            <Menu.Item component="a" href={DOCS.href} leftSection={<DOCS.icon size={15} />}>
              {DOCS.label}
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => leave(false)}>
            Sign out
          </Menu.Item>
          <Menu.Item onClick={() => leave(true)}>Sign out everywhere</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <SchemeButton />
      <ClockButton />
      {securing && <SecondFactorDialog onClose={() => setSecuring(false)} />}
      {changing !== null && <PasswordDialog opened={changing} onClose={() => setChanging(false)} />}
    </div>
  );
}

const SCHEMES = {
  auto: { next: "light", icon: IconDeviceDesktop, label: "Colours as your system has them" },
  light: { next: "dark", icon: IconSun, label: "Light colours" },
  dark: { next: "auto", icon: IconMoon, label: "Dark colours" },
} as const;

/** Turns to the next colour scheme. */
function SchemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const scheme = SCHEMES[colorScheme];
  return (
    <Tooltip label={scheme.label}>
      <ActionIcon variant="subtle" color="gray" onClick={() => setColorScheme(scheme.next)} aria-label={`${scheme.label}. Change`}>
        <scheme.icon size={17} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  );
}

/** Turns from the viewer's own clock to UTC, and back; not on a page that goes by UTC whatever is chosen. */
function ClockButton() {
  const utc = useClock().choice === "utc";
  const fixed = useFixedClock();
  const label = fixed ? "This page counts in UTC days" : utc ? "Times in UTC" : `Times of your clock, ${viewersClock().zone}`;
  const Icon = utc ? IconWorld : IconMapPin;
  // One that is fixed is still pointed at and focused, to say why.
  const use = fixed
    ? { "aria-disabled": true, "data-disabled": true, "aria-label": label }
    : { onClick: () => chooseClock(utc ? "here" : "utc"), "aria-label": `${label}. Change` };
  return (
    <Tooltip label={label} events={{ hover: true, focus: true, touch: true }}>
      <ActionIcon variant="subtle" color="gray" {...use}>
        <Icon size={17} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  );
}
