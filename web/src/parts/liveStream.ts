/** One stream of the gateway for all tabs of this browser. A browser opens few connections to a host (six, over HTTP/1.1), so one
 * tab holds the stream, by a lock, and passes on what comes; when it goes, the next in line takes over. */
import type { Schemas } from "~/api/client";

export type Snapshot = Schemas["LiveSnapshot"];
export type Tick = Schemas["LiveTick"];

export type Said =
  | { kind: "snapshot"; snapshot: Snapshot }
  | { kind: "tick"; tick: Tick }
  /** The stream is lost; it is opened again by itself. */
  | { kind: "lost" };

type Heard = Said | { kind: "hello" };

export interface Follower {
  told: (said: Said) => void;
  /** All that is known, for a tab that comes later; null before anything is. */
  whole: () => Snapshot | null;
  /** The gateway refused the stream: the session may be over. */
  refused: () => void;
}

const NAME = "tollkeeper-live";
const AGAIN_MS = 5_000;
/** A stream that says nothing for so long is dead, though nobody told: the machine slept, or its network changed. */
const SILENT_MS = 10_000;

/** Takes part until the function it gives is called. */
export function follow(follower: Follower): () => void {
  const others = new BroadcastChannel(NAME);
  const leaving = new AbortController();
  const { signal } = leaving;
  let leads = false;
  let alarm: number | undefined;

  const lost = () => {
    follower.told({ kind: "lost" });
    listenFor();
  };
  const listenFor = () => {
    window.clearTimeout(alarm);
    // Whoever leads has an alarm of its own, which opens the stream again.
    if (!leads) alarm = window.setTimeout(lost, SILENT_MS);
  };
  others.addEventListener("message", ({ data }: MessageEvent<Heard>) => {
    if (signal.aborted) return;
    if (data.kind === "hello") {
      const snapshot = leads ? follower.whole() : null;
      if (snapshot !== null) others.postMessage({ kind: "snapshot", snapshot } satisfies Heard);
    } else if (!leads) {
      listenFor();
      follower.told(data);
    }
  });
  const lead = () =>
    new Promise<void>((done) => {
      leads = true;
      window.clearTimeout(alarm);
      const close = keepOpen((said) => {
        others.postMessage(said satisfies Heard);
        follower.told(said);
      }, follower.refused);
      signal.addEventListener("abort", () => {
        close();
        done();
      });
    });

  listenFor();
  others.postMessage({ kind: "hello" } satisfies Heard);
  // Who leaves while it waits in line is no fault.
  navigator.locks.request(NAME, { signal }, () => (signal.aborted ? undefined : lead())).catch(() => undefined);
  return () => {
    window.clearTimeout(alarm);
    leaving.abort();
    others.close();
  };
}

/** The stream itself, opened again whenever it is lost, until the function it gives is called. */
function keepOpen(told: (said: Said) => void, refused: () => void): () => void {
  let source: EventSource | null = null;
  let timer: number | undefined;
  const after = (ms: number, then: () => void) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(then, ms);
  };
  const lost = () => {
    told({ kind: "lost" });
    open();
  };
  const open = () => {
    source?.close();
    const opened = new EventSource("/admin/live");
    source = opened;
    opened.addEventListener("snapshot", (event: MessageEvent<string>) => {
      after(SILENT_MS, lost);
      told({ kind: "snapshot", snapshot: JSON.parse(event.data) as Snapshot });
    });
    opened.addEventListener("tick", (event: MessageEvent<string>) => {
      after(SILENT_MS, lost);
      told({ kind: "tick", tick: JSON.parse(event.data) as Tick });
    });
    opened.addEventListener("error", () => {
      told({ kind: "lost" });
      // After a refusal the browser does not try again by itself.
      if (opened.readyState !== EventSource.CLOSED) return;
      after(AGAIN_MS, open);
      refused();
    });
    after(SILENT_MS, lost);
  };
  open();
  return () => {
    window.clearTimeout(timer);
    source?.close();
  };
}
