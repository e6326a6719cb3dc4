import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

/** Read queries again after `mark` has changed: `afterMs` later, and once for all changes until then. "" is a mark that is not known
 * yet. */
export function useRefetchOn(mark: string, keys: readonly QueryKey[], afterMs: number): void {
  const queries = useQueryClient();
  const seen = useRef("");
  const timer = useRef<number>(undefined);
  const wanted = useRef(keys);
  useEffect(() => {
    wanted.current = keys;
  });
  useEffect(() => {
    if (mark === "" || mark === seen.current) return;
    const isFirst = seen.current === "";
    seen.current = mark;
    if (isFirst) return;
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      for (const queryKey of wanted.current) void queries.invalidateQueries({ queryKey });
    }, afterMs);
  }, [mark, afterMs, queries]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
}
