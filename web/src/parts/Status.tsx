import { IconAlertTriangle, IconCheck, IconCircleMinus, IconPlayerPause, IconPlayerStop, IconQuestionMark, IconX, type TablerIcon } from "@tabler/icons-react";

import classes from "./Status.module.css";

type Tone = "good" | "warn" | "bad" | "plain";

const STATES: Record<string, [Tone, TablerIcon]> = {
  completed: ["good", IconCheck],
  cancelled: ["plain", IconPlayerStop],
  failed: ["bad", IconX],
  lost: ["warn", IconQuestionMark],
  active: ["good", IconCheck],
  suspended: ["warn", IconPlayerPause],
  closed: ["plain", IconCircleMinus],
  revoked: ["plain", IconCircleMinus],
  expired: ["plain", IconCircleMinus],
  up: ["good", IconCheck],
  down: ["bad", IconAlertTriangle],
};

/** A state, by word, icon and colour. */
export function Status({ of }: { of: string }) {
  const [tone, Icon] = STATES[of] ?? ["plain", IconQuestionMark];
  return (
    <span className={classes["status"]} data-tone={tone}>
      <Icon size={12} stroke={2.2} aria-hidden />
      {of}
    </span>
  );
}
