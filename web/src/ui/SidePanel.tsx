import { Drawer } from "@mantine/core";
import type { ReactNode } from "react";
import { useLocation, useNavigate } from "react-router";

import { useReturnFocus } from "~/ui/useReturnFocus";

interface Props {
  title: ReactNode;
  /** What Esc and the close button do: go to a path, keeping the filters, or call a function. */
  back: string | (() => void);
  opened?: boolean;
  children: ReactNode;
}

/** Details of a row, over the list it is in. */
export function SidePanel({ title, back, opened = true, children }: Props) {
  const navigate = useNavigate();
  useReturnFocus();
  const { search } = useLocation();
  return (
    <Drawer
      opened={opened}
      onClose={() => (typeof back === "string" ? void navigate({ pathname: back, search }) : back())}
      position="right"
      size="min(560px, 100vw)"
      title={title}
      overlayProps={{ backgroundOpacity: 0.25 }}
      transitionProps={{ duration: 120 }}
    >
      {children}
    </Drawer>
  );
}
