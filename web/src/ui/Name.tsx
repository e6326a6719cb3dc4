import { Tooltip } from "@mantine/core";
import { type ReactNode, useEffect, useRef, useState } from "react";

import classes from "./Name.module.css";

interface Props {
  text: string;
  /** A second name, in a lighter tone behind the first. */
  more?: string | null;
  /** Badges behind the names; they are never cut. */
  aside?: ReactNode;
  /** How many characters of its end stay when the name is cut, for names that differ there. */
  tail?: number;
}

/** Leaves room for the names of a column while the mouse crosses them. */
const DELAY_MS = 250;

/** A name on one line, cut where its room ends. The whole is shown on hover and on focus: that of the link or button around it or, if
 * there is none, its own, which it takes only while it is cut. */
export function Name({ text, more = null, aside, tail = 0 }: Props) {
  const whole = useRef<HTMLSpanElement>(null);
  const { cut, alone } = useCut(whole, `${text} ${more ?? ""}`);
  const { shown, onEnter, onLeave } = useShown(whole, cut);
  const at = tail === 0 || text.length <= 2 * tail ? text.length : text.length - tail;
  return (
    <Tooltip label={more === null ? text : `${text}, ${more}`} opened={cut && shown} transitionProps={{ duration: 100 }} multiline maw="min(480px, 90vw)" classNames={{ tooltip: classes["tip"] ?? "" }}>
      <span ref={whole} className={classes["whole"]} data-cut={cut} onPointerEnter={onEnter} onPointerLeave={onLeave} {...(alone && { tabIndex: 0 })}>
        <span className={classes["name"]}>
          <span className={classes["cut"]}>{text.slice(0, at)}</span>
          {at < text.length && <span className={classes["tail"]}>{text.slice(at)}</span>}
        </span>
        {more !== null && <span className={`${classes["cut"] ?? ""} ${classes["more"] ?? ""}`}>{more}</span>}
        {aside}
      </span>
    </Tooltip>
  );
}

const FITS = { cut: false, alone: false };

/** Whether some of the text inside has no room, and whether it is then in no link or button by which the keyboard reaches it. */
function useCut(whole: React.RefObject<HTMLElement | null>, text: string): typeof FITS {
  const [found, setFound] = useState(FITS);
  useEffect(() => {
    const element = whole.current;
    if (element === null) return;
    const parts = [...element.querySelectorAll<HTMLElement>(`.${classes["cut"] ?? ""}`)];
    const observer = new ResizeObserver(() => {
      const cut = parts.some((part) => part.scrollWidth > part.clientWidth);
      setFound(cut ? { cut, alone: around(element) === null } : FITS);
    });
    for (const part of parts) observer.observe(part);
    return () => observer.disconnect();
  }, [whole, text]);
  return found;
}

function around(element: HTMLElement): HTMLElement | null {
  return element.closest<HTMLElement>("a, button");
}

/** Whether the whole is asked for, by the mouse or by the keyboard. */
function useShown(whole: React.RefObject<HTMLElement | null>, cut: boolean) {
  const [hovered, setHovered] = useState(false);
  const [focused, setFocused] = useState(false);
  const timer = useRef<number>(undefined);
  useEffect(() => {
    const element = whole.current;
    if (element === null || !cut) return;
    const target = around(element) ?? element;
    const focus = () => setFocused(target.matches(":focus-visible"));
    const blur = () => setFocused(false);
    target.addEventListener("focus", focus);
    target.addEventListener("blur", blur);
    return () => {
      target.removeEventListener("focus", focus);
      target.removeEventListener("blur", blur);
      setFocused(false);
    };
  }, [whole, cut]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return {
    shown: hovered || focused,
    onEnter: () => {
      timer.current = window.setTimeout(() => setHovered(true), DELAY_MS);
    },
    onLeave: () => {
      window.clearTimeout(timer.current);
      setHovered(false);
    },
  };
}
