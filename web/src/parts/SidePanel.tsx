import { Drawer } from "@mantine/core";
import type { ReactNode } from "react";
import { useLocation, useNavigate } from "react-router";

/** The detail of a row, over the list it came from. It has a URL of its own; Esc and the cross lead back to `back`. */
export function SidePanel({ title, back, children }: { title: ReactNode; back: string; children: ReactNode }) {
  const navigate = useNavigate();
  const { search } = useLocation();
  return (
    <Drawer
      opened
      onClose={() => void navigate({ pathname: back, search })}
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
