import { Tooltip } from "@mantine/core";
import { IconAlertCircle, IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

import classes from "./Meter.module.css";

export type MeterState = "fine" | "near" | "full";

interface BarProps {
  /** Shares of the whole, 0 to 1. */
  used: number;
  reserved: number;
  state: MeterState;
  /** All figures in one sentence, for screen readers. */
  sentence: string;
  /** What hover and focus show. */
  tip: ReactNode;
  /** Whether the keyboard reaches it. */
  focusable?: boolean;
}

/** How much of a whole is taken: used solid, reserved hatched, the rest empty. */
export function MeterBar({ used, reserved, state, sentence, tip, focusable = true }: BarProps) {
  return (
    <Tooltip label={tip}>
      <div
        className={classes["bar"]}
        role="meter"
        aria-label={sentence}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round((used + reserved) * 100)}
        data-state={state}
        tabIndex={focusable ? 0 : -1}
      >
        <div className={classes["used"]} style={{ width: `${used * 100}%` }} />
        <div className={classes["reserved"]} style={{ width: `${reserved * 100}%` }} />
      </div>
    </Tooltip>
  );
}

interface MeterProps extends Omit<BarProps, "focusable"> {
  label: string;
  /** The amounts as text. */
  texts: { used: string; limit: string; remaining: string };
  /** At the right below the bar. */
  note: ReactNode;
}

/** A bar with its name and amounts around it. */
export function Meter({ label, texts, note, ...bar }: MeterProps) {
  return (
    <div className={classes["meter"]}>
      <div className={classes["line"]}>
        <span className={classes["label"]}>{label}</span>
        <span className="num">
          <StateIcon state={bar.state} /> {texts.used} <span className="unit">of {texts.limit}</span>
        </span>
      </div>
      <MeterBar {...bar} />
      <div className={classes["foot"]}>
        <span>{texts.remaining} left</span>
        <span>{note}</span>
      </div>
    </div>
  );
}

function StateIcon({ state }: { state: MeterState }): ReactNode {
  if (state === "full") return <IconAlertCircle size={14} className={classes["full"]} role="img" aria-label="Used up" />;
  if (state === "near") return <IconAlertTriangle size={14} className={classes["near"]} role="img" aria-label="Nearly used up" />;
  return null;
}
