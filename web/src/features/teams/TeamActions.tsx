import { ActionIcon, Menu } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useState } from "react";

import { CloseTeam, EditTeam } from "~/features/teams/TeamForms";
import type { TeamRow } from "~/features/teams/teams";

/** The actions on a team that is not closed. */
export function TeamActions({ team }: { team: TeamRow }) {
  const [dialog, setDialog] = useState<"edit" | "close" | null>(null);
  if (team.status === "closed") return null;
  const close = () => setDialog(null);
  return (
    <>
      <Menu position="bottom-end" width={210} transitionProps={{ duration: 100 }}>
        <Menu.Target>
          <ActionIcon variant="default" size={30} aria-label={`More to do with ${team.team_id}`}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setDialog("edit")}>Name, address, tax id</Menu.Item>
          <Menu.Item color="var(--bad)" onClick={() => setDialog("close")}>
            Close the team
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <EditTeam team={team} opened={dialog === "edit"} close={close} />
      <CloseTeam team={team} opened={dialog === "close"} close={close} />
    </>
  );
}
