import { type ReactNode, useEffect, useRef } from "react";

const FADE = [{ filter: "opacity(0.35)" }, { filter: "none" }];
const REDUCED_MOTION = "(prefers-reduced-motion: reduce)";

/** A figure that fades in when it changes while it is shown. `of` is the figure as text. */
export function FadeOnChange({ of, children }: { of: string; children: ReactNode }) {
  const ref = useRef<HTMLSpanElement>(null);
  const shown = useRef(of);
  useEffect(() => {
    if (shown.current === of) return;
    shown.current = of;
    if (!window.matchMedia(REDUCED_MOTION).matches) ref.current?.animate(FADE, { duration: 140, easing: "ease-out" });
  }, [of]);
  return <span ref={ref}>{children}</span>;
}
