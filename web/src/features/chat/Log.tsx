import { ActionIcon } from "@mantine/core";
import { IconArrowDown } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef, useState } from "react";

import classes from "./Log.module.css";

interface LogProps {
  label: string;
  busy: boolean;
  /** The number of questions: when it grows, the log scrolls to its end. */
  asked: number;
  children: ReactNode;
}

const NEAR_PX = 32;

/** The messages, scrolled along with a growing answer as long as the reader is at the end. */
export function Log({ label, busy, asked, children }: LogProps) {
  const box = useRef<HTMLDivElement>(null);
  const inside = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const top = useRef(0);
  const [away, setAway] = useState(false);

  const toEnd = () => {
    follows.current = true;
    const shown = box.current;
    if (shown !== null) shown.scrollTop = shown.scrollHeight;
  };
  useEffect(toEnd, [asked]);
  useEffect(() => {
    const grown = new ResizeObserver(() => {
      if (follows.current) toEnd();
    });
    for (const element of [box.current, inside.current]) if (element !== null) grown.observe(element);
    return () => grown.disconnect();
  }, []);

  const scrolled = () => {
    const shown = box.current;
    if (shown === null) return;
    const near = shown.scrollHeight - shown.clientHeight - shown.scrollTop < NEAR_PX;
    // Only the reader scrolls up; growing text moves the end further down.
    if (near) follows.current = true;
    else if (shown.scrollTop < top.current) follows.current = false;
    top.current = shown.scrollTop;
    setAway(!near && !follows.current);
  };

  return (
    <div className={classes["place"]}>
      <div ref={box} className={classes["log"]} role="log" aria-live="off" aria-busy={busy} aria-label={label} tabIndex={0} onScroll={scrolled}>
        <div ref={inside} className={classes["inside"]}>
          {children}
        </div>
      </div>
      {away && (
        <ActionIcon className={classes["down"] ?? ""} variant="default" size="lg" radius="xl" aria-label="To the end" onClick={toEnd}>
          <IconArrowDown size={16} aria-hidden />
        </ActionIcon>
      )}
    </div>
  );
}
