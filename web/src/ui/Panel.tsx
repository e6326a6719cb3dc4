import { type ReactNode, useId } from "react";

import classes from "./Panel.module.css";

interface Props {
  title?: string;
  actions?: ReactNode;
  /** Tables and lists reach to the panel's edges. */
  flush?: boolean;
  children: ReactNode;
}

/** A bordered section of a page. */
export function Panel({ title, actions, flush = false, children }: Props) {
  const id = useId();
  return (
    <section className={classes["panel"]} aria-labelledby={title === undefined ? undefined : id}>
      {(title !== undefined || actions !== undefined) && (
        <div className={classes["head"]}>
          {title !== undefined && (
            <h2 id={id} className={classes["title"]}>
              {title}
            </h2>
          )}
          <div className={classes["actions"]}>{actions}</div>
        </div>
      )}
      <div className={flush ? classes["flush"] : classes["inside"]}>{children}</div>
    </section>
  );
}
