import { Drawer } from "@mantine/core";
import type { ReactNode } from "react";
import { useLocation, useNavigate } from "react-router";

import { useFocusBack } from "~/parts/useFocusBack";

interface Props {
  title: ReactNode;
  /** Where Esc and the cross lead: a path, with the filters as they are, or what takes the panel out of the URL. */
  back: string | (() => void);
  opened?: boolean;
  children: ReactNode;
}

/** The detail of a row, over the list it came from. It has a URL of its own. */
export function SidePanel({ title, back, opened = true, children }: Props) {
  const navigate = useNavigate();
  useFocusBack();
  const { search } = useLocation();
  return (
    <Drawer
      opened={opened}
      onClose={() => (typeof back === "string" ? void navigate({ pathname: back, search }) : back())}
      position="right"
      size="min(560px, 100vw)"
      title={title}
      closeButtonProps={{ "aria-label": "Close" }}
      overlayProps={{ backgroundOpacity: 0.25 }}
      transitionProps={{ duration: 120 }}
    >
      {children}
    </Drawer>
  );
}
