import { Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

import { PeriodPicker } from "~/ui/PeriodPicker";

import classes from "./Page.module.css";

interface Props {
  title: string;
  /** Beside the heading: a status, say. */
  aside?: ReactNode;
  /** Above the heading: the way back. */
  above?: ReactNode;
  actions?: ReactNode;
  /** Whether the page is about a period, which can then be chosen. */
  period?: boolean;
  children: ReactNode;
}

/** A page: one heading, the actions on its right, and panels below. */
export function Page({ title, aside, above, actions, period = false, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Tollkeeper`;
  }, [title]);
  return (
    <>
      {above}
      <div className={classes["head"]}>
        <Title order={1} className={classes["title"] ?? ""}>
          {title} {aside}
        </Title>
        <div className={classes["actions"]}>
          {actions}
          {period && <PeriodPicker />}
        </div>
      </div>
      <div className={classes["panels"]}>{children}</div>
    </>
  );
}
