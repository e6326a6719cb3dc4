import { ActionIcon, Menu, Tooltip, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconKey, IconLogout, IconMoon, IconSun, IconUserCircle } from "@tabler/icons-react";
import { useState } from "react";
import { NavLink } from "react-router";

import { DOCS, type Place } from "~/app/frames";
import { PasswordForm } from "~/app/PasswordForm";
import { type Session, useSignIn } from "~/app/session";
import { useNotices } from "~/parts/notice";

import classes from "./Rail.module.css";

/** Where one can go, and who one is. A rail at the left; a bar at the bottom where the window is narrow. */
export function Rail({ places, session }: { places: Place[]; session: Session }) {
  return (
    <header className={classes["rail"]}>
      <div className={classes["brand"]}>
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width={22} height={22} />
        <span>Tollkeeper</span>
      </div>
      <nav aria-label="Pages" className={classes["places"]}>
        {places.map(({ to, label, icon: Icon }) => (
          <NavLink key={to} to={to} end={to === "/admin"} className={classes["place"] ?? ""}>
            <Icon size={18} stroke={1.6} aria-hidden />
            <span>{label}</span>
          </NavLink>
        ))}
        <a href={DOCS.href} className={`${classes["place"] ?? ""} ${classes["outside"] ?? ""}`}>
          <DOCS.icon size={18} stroke={1.6} aria-hidden />
          <span>{DOCS.label}</span>
        </a>
      </nav>
      <Account session={session} />
    </header>
  );
}

function Account({ session }: { session: Session }) {
  const { signOut } = useSignIn();
  const { tell } = useNotices();
  const [changing, setChanging] = useState(false);
  const { user } = session;
  const leave = (everywhere: boolean) => {
    signOut(everywhere).catch((fault: unknown) => tell({ state: "bad", text: String(fault) }));
  };
  return (
    <div className={classes["account"]}>
      <Menu position="top-start" width={220} withinPortal transitionProps={{ duration: 100 }}>
        <Menu.Target>
          <UnstyledButton className={classes["who"]} aria-label={`Account of ${user.name ?? user.user_id}`}>
            <IconUserCircle size={18} stroke={1.6} aria-hidden />
            <span className={classes["name"]}>{user.name ?? user.user_id}</span>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {user.user_id} · {user.role}
          </Menu.Label>
          <Menu.Item leftSection={<IconKey size={15} />} onClick={() => setChanging(true)}>
            Change password
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => leave(false)}>
            Sign out
          </Menu.Item>
          <Menu.Item onClick={() => leave(true)}>Sign out everywhere</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <SchemeButton />
      <PasswordForm opened={changing} onClose={() => setChanging(false)} />
    </div>
  );
}

const SCHEMES = {
  auto: { next: "light", icon: IconDeviceDesktop, says: "Colours as your system has them" },
  light: { next: "dark", icon: IconSun, says: "Light colours" },
  dark: { next: "auto", icon: IconMoon, says: "Dark colours" },
} as const;

function SchemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const scheme = SCHEMES[colorScheme];
  return (
    <Tooltip label={scheme.says}>
      <ActionIcon variant="subtle" color="gray" onClick={() => setColorScheme(scheme.next)} aria-label={`${scheme.says}. Change`}>
        <scheme.icon size={17} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  );
}
