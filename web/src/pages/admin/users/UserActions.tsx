import { ActionIcon, Button, Menu } from "@mantine/core";
import { IconDots, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useRef, useState } from "react";

import { Adjust, CloseUser, EditUser } from "~/pages/admin/users/UserDialogs";
import { useSession } from "~/app/session";
import { useUserChanges } from "~/parts/userChanges";
import type { UserRow } from "~/parts/users";

type Asked = "edit" | "adjust" | "close" | null;

/** What can be done with an account. One that is closed can still be corrected: its bill may be due. */
export function UserActions({ user }: { user: UserRow }) {
  const { setStatus } = useUserChanges();
  const [asked, setAsked] = useState<Asked>(null);
  const target = useRef<HTMLButtonElement>(null);
  const shared = { user, onClose: () => setAsked(null), onGone: () => target.current?.focus() };
  const closed = user.status === "closed";
  // Nobody may lock themselves out.
  const own = useSession().session?.user.user_id === user.user_id;
  const active = user.status === "active";
  return (
    <>
      {!closed && !own && (
        <Button
          variant="default"
          leftSection={active ? <IconPlayerPause size={14} aria-hidden /> : <IconPlayerPlay size={14} aria-hidden />}
          onClick={() => void setStatus(user, active ? "suspended" : "active")}
        >
          {active ? "Suspend" : "Activate"}
        </Button>
      )}
      <Menu position="bottom-end" width={210} transitionProps={{ duration: 100 }}>
        <Menu.Target>
          <ActionIcon ref={target} variant="default" size={30} aria-label={`More to do with ${user.user_id}`}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {!closed && <Menu.Item onClick={() => setAsked("edit")}>Name, role, password</Menu.Item>}
          <Menu.Item onClick={() => setAsked("adjust")}>Correction or refund</Menu.Item>
          {!closed && !own && (
            <Menu.Item color="var(--bad)" onClick={() => setAsked("close")}>
              Close the account
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <EditUser {...shared} opened={asked === "edit"} />
      <Adjust {...shared} opened={asked === "adjust"} />
      <CloseUser {...shared} opened={asked === "close"} />
    </>
  );
}
