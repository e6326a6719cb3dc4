import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

import classes from "./Warning.module.css";

/** Something to know before going on. */
export function Warning({ children }: { children: ReactNode }) {
  return (
    <div className={classes["warning"]} role="note">
      <IconAlertTriangle size={16} aria-hidden />
      <span>{children}</span>
    </div>
  );
}
