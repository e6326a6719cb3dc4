import { useSyncExternalStore } from "react";

/** The time, to the second, kept true while it is shown. */
export function useSecond(): number {
  return useSyncExternalStore(onSecond, thisSecond);
}

function onSecond(changed: () => void): () => void {
  const timer = window.setInterval(changed, 1_000);
  return () => window.clearInterval(timer);
}

function thisSecond(): number {
  return Math.floor(Date.now() / 1_000) * 1_000;
}
