/** A live feed of the gateway. It is open while something reads it and the page is visible. */
import { follow, type Message } from "~/features/live/stream";

/** Where a feed comes from, and what becomes of its events: a first one has everything, later ones what is new. */
export interface Source<First, Next, Held> {
  path: string;
  /** Tabs that follow a feed of the same name share one stream. */
  name: string;
  begin: (first: First) => Held;
  extend: (held: Held | null, next: Next) => Held;
  /** All that is known, as a first event has it: for a tab that opens later. */
  whole: (held: Held) => First;
}

export interface Live<Held> {
  /** Null before the first event. */
  held: Held | null;
  /** False while the stream is lost; it is reopened automatically. */
  connected: boolean;
  /** The stream was lost, or could not be opened, and is not back yet; false while it is opened for the first time. */
  lost: boolean;
}

let refused: () => void = () => undefined;

/** Set what to do when the gateway refuses a stream: the session may have ended. */
export function whenRefused(then: () => void): () => void {
  refused = then;
  return () => {
    refused = () => undefined;
  };
}

export class Feed<First, Next, Held> {
  private close: (() => void) | null = null;
  private readonly watchers = new Set<() => void>();
  private readonly listeners = new Set<(held: Held) => void>();
  private live: Live<Held> = { held: null, connected: false, lost: false };

  constructor(private readonly source: Source<First, Next, Held>) {}

  readonly read = (): Live<Held> => this.live;

  readonly watch = (changed: () => void): (() => void) => this.join(this.watchers, changed);

  /** Call `listener` at every event, without rendering: for caches. */
  listen(listener: (held: Held) => void): () => void {
    return this.join(this.listeners, listener);
  }

  private join<One>(all: Set<One>, one: One): () => void {
    if (!this.isWatched()) document.addEventListener("visibilitychange", this.update);
    all.add(one);
    this.update();
    return () => {
      all.delete(one);
      if (!this.isWatched()) document.removeEventListener("visibilitychange", this.update);
      this.update();
    };
  }

  private isWatched(): boolean {
    return this.watchers.size + this.listeners.size > 0;
  }

  /** Open or close the stream. A hidden page keeps what it showed last. */
  private readonly update = (): void => {
    if (this.isWatched() && !document.hidden) {
      const { name, path } = this.source;
      this.close ??= follow<First, Next>(name, path, {
        onMessage: (message) => this.take(message),
        snapshot: () => this.snapshot(),
        onRefused: () => refused(),
      });
      return;
    }
    this.close?.();
    this.close = null;
    if (!this.isWatched()) this.live = { held: null, connected: false, lost: false };
  };

  private snapshot(): First | null {
    const { held, connected } = this.live;
    return held === null || !connected ? null : this.source.whole(held);
  }

  private take(message: Message<First, Next>): void {
    if (message.kind === "lost") {
      this.put({ ...this.live, connected: false, lost: true });
      return;
    }
    const held = message.kind === "snapshot" ? this.source.begin(message.snapshot) : this.source.extend(this.live.held, message.tick);
    this.put({ held, connected: true, lost: false });
    for (const listener of this.listeners) listener(held);
  }

  private put(live: Live<Held>): void {
    this.live = live;
    for (const changed of this.watchers) changed();
  }
}
