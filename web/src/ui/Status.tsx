import { IconQuestionMark, type TablerIcon } from "@tabler/icons-react";

import classes from "./Status.module.css";

export interface StatusLook {
  tone: "good" | "warn" | "bad" | "plain";
  icon: TablerIcon;
}

/** How each state of something looks, by the state's name. */
export type StatusLooks<State extends string = string> = Readonly<Record<State, StatusLook>>;

const UNKNOWN: StatusLook = { tone: "plain", icon: IconQuestionMark };

/** A state, by word, icon and colour. */
export function Status({ of, looks }: { of: string; looks: StatusLooks }) {
  const { tone, icon: Icon } = looks[of] ?? UNKNOWN;
  return (
    <span className={classes["status"]} data-tone={tone}>
      <Icon size={12} stroke={2.2} aria-hidden />
      {of}
    </span>
  );
}
