import { useCallback, useSyncExternalStore } from "react";

/** The time, rounded down to a tick of so many milliseconds and kept up to date while it is shown. */
export function useNow(tickMs: number): number {
  const watch = useCallback(
    (changed: () => void) => {
      const timer = window.setInterval(changed, tickMs);
      return () => window.clearInterval(timer);
    },
    [tickMs],
  );
  return useSyncExternalStore(watch, () => Math.floor(Date.now() / tickMs) * tickMs);
}
