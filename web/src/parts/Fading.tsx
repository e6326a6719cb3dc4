import { type ReactNode, useEffect, useRef } from "react";

const FADE = [{ filter: "opacity(0.35)" }, { filter: "none" }];
const QUIET = "(prefers-reduced-motion: reduce)";

/** A figure that changes while one looks at it: what is new fades in. `of` is the figure as it is shown. */
export function Fading({ of, children }: { of: string; children: ReactNode }) {
  const ref = useRef<HTMLSpanElement>(null);
  const shown = useRef(of);
  useEffect(() => {
    if (shown.current === of) return;
    shown.current = of;
    if (!window.matchMedia(QUIET).matches) ref.current?.animate(FADE, { duration: 140, easing: "ease-out" });
  }, [of]);
  return <span ref={ref}>{children}</span>;
}
