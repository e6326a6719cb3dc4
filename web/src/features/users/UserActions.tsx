import { ActionIcon, Button, Menu } from "@mantine/core";
import { IconDots, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useRef, useState } from "react";

import { useSession } from "~/features/session/session";
import { AdjustUser } from "~/features/users/AdjustUser";
import { useUserChanges } from "~/features/users/changes";
import { CloseUser } from "~/features/users/CloseUser";
import { EditContact } from "~/features/users/EditContact";
import { EditUser } from "~/features/users/EditUser";
import { isErased, type UserRow } from "~/features/users/users";

type Dialog = "edit" | "contact" | "adjust" | "close" | null;

/** The actions on an account. A closed one can still be corrected, as its bill may be due. */
export function UserActions({ user }: { user: UserRow }) {
  const { setStatus, resetSecondFactor } = useUserChanges();
  const [dialog, setDialog] = useState<Dialog>(null);
  const target = useRef<HTMLButtonElement>(null);
  const shared = { user, onClose: () => setDialog(null), onClosed: () => target.current?.focus() };
  const closed = user.status === "closed";
  // Admins may not lock themselves out.
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
          {!closed && <Menu.Item onClick={() => setDialog("edit")}>Name, team, role, password</Menu.Item>}
          {!closed && <Menu.Item onClick={() => setDialog("contact")}>Address, tax id, e-mail</Menu.Item>}
          {!closed && user.second_factor && <Menu.Item onClick={() => void resetSecondFactor(user.user_id)}>Reset the second factor</Menu.Item>}
          <Menu.Item onClick={() => setDialog("adjust")}>Correction or refund</Menu.Item>
          {!closed && !own && (
            <Menu.Item color="var(--bad)" onClick={() => setDialog("close")}>
              Close the account
            </Menu.Item>
          )}
          {closed && !isErased(user) && (
            <Menu.Item color="var(--bad)" onClick={() => setDialog("close")}>
              Forget the person
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <EditUser {...shared} opened={dialog === "edit"} />
      <EditContact {...shared} opened={dialog === "contact"} />
      <AdjustUser {...shared} opened={dialog === "adjust"} />
      <CloseUser {...shared} opened={dialog === "close"} />
    </>
  );
}
