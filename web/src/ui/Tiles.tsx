/** Figures side by side, each with its name. */
import type { ReactNode } from "react";

import classes from "./Tiles.module.css";

export function Tiles({ children }: { children: ReactNode }) {
  return <dl className={classes["tiles"]}>{children}</dl>;
}

/** One figure; its note says how it compares or how it came about. */
export function Tile({ label, children, note }: { label: string; children: ReactNode; note?: ReactNode }) {
  return (
    <div className={classes["tile"]}>
      <dt>{label}</dt>
      <dd>
        <span className={classes["figure"]}>{children}</span>
        {note !== undefined && <span className={classes["note"]}>{note}</span>}
      </dd>
    </div>
  );
}
