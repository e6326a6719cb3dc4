/** One stream from the gateway for all tabs of this browser. A browser opens only six connections to a host over HTTP/1.1, so one tab
 * holds a lock, reads the stream and passes everything on to the others; when it closes, the next in line takes over. */

export type Message<First, Next> =
  /** Everything. */
  | { kind: "snapshot"; snapshot: First }
  /** What is new since the event before. */
  | { kind: "tick"; tick: Next }
  /** The stream is lost; it is reopened automatically. */
  | { kind: "lost" };

/** Between tabs: a new one says hello, and gets a snapshot. */
type TabMessage<First, Next> = Message<First, Next> | { kind: "hello" };

export interface Follower<First, Next> {
  onMessage: (message: Message<First, Next>) => void;
  /** All that is known, for a tab that opens later; null before anything is. */
  snapshot: () => First | null;
  /** The gateway refused the stream: the session may have ended. */
  onRefused: () => void;
}

const RETRY_MS = 5_000;
/** A stream that is silent for so long is dead even without an error: the machine slept, or its network changed. */
const SILENT_MS = 10_000;

/** Follow the stream of this path until the returned function is called. Tabs that follow one of the same name share it. */
export function follow<First, Next>(name: string, path: string, follower: Follower<First, Next>): () => void {
  const others = new BroadcastChannel(name);
  const post = (message: TabMessage<First, Next>) => others.postMessage(message);
  const leaving = new AbortController();
  const { signal } = leaving;
  let reads = false;
  let alarm: number | undefined;

  const lost = () => {
    follower.onMessage({ kind: "lost" });
    resetAlarm();
  };
  const resetAlarm = () => {
    window.clearTimeout(alarm);
    // The tab that reads the stream has an alarm of its own, which reopens the stream.
    if (!reads) alarm = window.setTimeout(lost, SILENT_MS);
  };
  others.addEventListener("message", ({ data }: MessageEvent<TabMessage<First, Next>>) => {
    if (signal.aborted) return;
    if (data.kind === "hello") {
      const snapshot = reads ? follower.snapshot() : null;
      if (snapshot !== null) post({ kind: "snapshot", snapshot });
    } else if (!reads) {
      resetAlarm();
      follower.onMessage(data);
    }
  });
  const read = () =>
    new Promise<void>((done) => {
      reads = true;
      window.clearTimeout(alarm);
      const close = keepOpen<First, Next>(path, (message) => {
        post(message);
        follower.onMessage(message);
      }, follower.onRefused);
      signal.addEventListener("abort", () => {
        close();
        done();
      });
    });

  resetAlarm();
  post({ kind: "hello" });
  // A tab that closes while it waits for the lock is no error.
  navigator.locks.request(name, { signal }, () => (signal.aborted ? undefined : read())).catch(() => undefined);
  return () => {
    window.clearTimeout(alarm);
    leaving.abort();
    others.close();
  };
}

/** Open the stream, and reopen it whenever it is lost, until the returned function is called. */
function keepOpen<First, Next>(path: string, onMessage: (message: Message<First, Next>) => void, onRefused: () => void): () => void {
  let source: EventSource | null = null;
  let timer: number | undefined;
  const after = (ms: number, then: () => void) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(then, ms);
  };
  const lost = () => {
    onMessage({ kind: "lost" });
    open();
  };
  const open = () => {
    source?.close();
    const opened = new EventSource(path);
    source = opened;
    opened.addEventListener("snapshot", (event: MessageEvent<string>) => {
      after(SILENT_MS, lost);
      onMessage({ kind: "snapshot", snapshot: JSON.parse(event.data) as First });
    });
    opened.addEventListener("tick", (event: MessageEvent<string>) => {
      after(SILENT_MS, lost);
      onMessage({ kind: "tick", tick: JSON.parse(event.data) as Next });
    });
    opened.addEventListener("error", () => {
      onMessage({ kind: "lost" });
      // After a refusal the browser does not try again on its own.
      if (opened.readyState !== EventSource.CLOSED) return;
      after(RETRY_MS, open);
      onRefused();
    });
    after(SILENT_MS, lost);
  };
  open();
  return () => {
    window.clearTimeout(timer);
    source?.close();
  };
}
