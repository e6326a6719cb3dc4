/** A page: one heading, what can be done on the right of it, then panels. */
import { Title } from "@mantine/core";
import { type ReactNode, useEffect, useId } from "react";

import { PeriodPicker } from "~/parts/PeriodPicker";

import classes from "./Page.module.css";

interface PageProps {
  title: string;
  /** What stands beside the heading: a name's status, say. */
  aside?: ReactNode;
  /** A line above the heading: the way back. */
  above?: ReactNode;
  actions?: ReactNode;
  period?: boolean;
  children: ReactNode;
}

export function Page({ title, aside, above, actions, period = false, children }: PageProps) {
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

interface PanelProps {
  title?: string;
  actions?: ReactNode;
  /** Tables and lists reach to the panel's edges. */
  flush?: boolean;
  children: ReactNode;
}

export function Panel({ title, actions, flush = false, children }: PanelProps) {
  const id = useId();
  return (
    <section className={classes["panel"]} aria-labelledby={title === undefined ? undefined : id}>
      {(title !== undefined || actions !== undefined) && (
        <div className={classes["panelHead"]}>
          {title !== undefined && (
            <h2 id={id} className={classes["panelTitle"]}>
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

/** Panels side by side where there is room for them. */
export function Columns({ children, wide = false }: { children: ReactNode; wide?: boolean }) {
  return <div className={wide ? classes["columnsWide"] : classes["columns"]}>{children}</div>;
}

export function Tiles({ children }: { children: ReactNode }) {
  return <dl className={classes["tiles"]}>{children}</dl>;
}

/** One figure: what it is, how much, and what it was before or how it came about. */
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
