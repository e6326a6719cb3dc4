import { type ComponentType, type ReactNode, useEffect, useState, useSyncExternalStore } from "react";

import { mayReload, reloadOnceFor } from "~/ui/build";
import { Chunk, type Failed, type Reason } from "~/ui/chunk";

/** What is said of a component that could not be fetched. */
export interface Missing {
  reason: Reason;
  retrying: boolean;
  retry: () => void;
}

interface Options<Props> {
  /** Shown until it is here. */
  waiting: (props: NoInfer<Props>) => ReactNode;
  /** Shown when it could not be fetched; for as long as this is shown, it is fetched again by itself. */
  missing: ComponentType<NoInfer<Props> & { missing: Missing }>;
  /** Whether the page may be reloaded to get it, once for each build: for what replaces a page anyway. */
  reloads?: boolean;
}

/** A component whose code is fetched when it is first shown. Unlike React's own `lazy`, it comes back from a failure. */
export function lazily<Props extends object>(
  fetch: () => Promise<ComponentType<Props>>,
  { waiting, missing: View, reloads = false }: Options<Props>,
): ComponentType<Props> & { load: () => Promise<void> } {
  const chunk = new Chunk(fetch);

  function Lazily(props: Props) {
    const { content: Content, failed: last, loading } = useSyncExternalStore(chunk.watch, chunk.read);
    // A failure from before it was shown says nothing any more: it is fetched again now.
    const [old] = useState(last);
    const failed = last === old ? null : last;
    useEffect(() => void chunk.load(), []);
    useRetries(chunk, failed);
    useEffect(() => {
      if (reloads && failed !== null) reloadFor(failed);
    }, [failed]);
    if (Content !== null) return <Content {...props} />;
    if (failed === null) return waiting(props);
    return <View {...props} missing={{ reason: failed.reason, retrying: loading, retry: () => void chunk.load() }} />;
  }

  return Object.assign(Lazily, { load: () => chunk.load() });
}

/** Some browsers never fetch again what failed once: what fails twice at a gateway that answers needs a new page as an upgrade does. */
function reloadFor({ reason, served, times }: Failed): void {
  if (served !== null && (reason === "upgraded" || times > 1) && mayReload()) reloadOnceFor(served);
}

const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 30_000;

/** Load a chunk that is missing again and again, each time after a longer wait; and at once when the browser is online again. */
function useRetries(chunk: Chunk<unknown>, failed: Failed | null): void {
  useEffect(() => {
    if (failed === null) return;
    const again = () => void chunk.load();
    const timer = window.setTimeout(again, Math.min(FIRST_RETRY_MS * 2 ** (failed.times - 1), LAST_RETRY_MS));
    window.addEventListener("online", again);
    return () => {
      window.clearTimeout(timer);
      window.removeEventListener("online", again);
    };
  }, [chunk, failed]);
}
