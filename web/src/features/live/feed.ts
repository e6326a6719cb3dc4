/** The gateway's live feed. It is open while something reads it and the page is visible. */
import { useSyncExternalStore } from "react";

import { follow, type Message, type Snapshot, type Tick } from "~/features/live/stream";

export type Point = Tick["point"];

/** The state of the gateway at a moment, as every event of the feed gives it. */
export type Standing = Omit<Tick, "point">;

export interface Live {
  tick: Standing | null;
  series: readonly Point[];
  /** False while the stream is lost; it is reopened automatically. */
  connected: boolean;
  /** The stream was lost, or could not be opened, and is not back yet; false while it is opened for the first time. */
  lost: boolean;
}

/** Points that are kept: five minutes. */
const KEPT = 300;
const NOTHING: Live = { tick: null, series: [], connected: false, lost: false };

type Listener = (tick: Standing) => void;

export class Feed {
  private close: (() => void) | null = null;
  private readonly watchers = new Set<() => void>();
  private readonly listeners = new Set<Listener>();
  private live: Live = NOTHING;
  private refused: () => void = () => undefined;

  constructor() {
    document.addEventListener("visibilitychange", () => this.update());
  }

  readonly read = (): Live => this.live;

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    this.update();
    return () => {
      this.watchers.delete(changed);
      this.update();
    };
  };

  /** Call `listener` at every event, without rendering: for caches. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    this.update();
    return () => {
      this.listeners.delete(listener);
      this.update();
    };
  }

  /** Set what to do when the gateway refuses the stream: the session may have ended. */
  whenRefused(refused: () => void): () => void {
    this.refused = refused;
    return () => {
      this.refused = () => undefined;
    };
  }

  /** Open or close the stream. A hidden page keeps what it showed last. */
  private update(): void {
    const watched = this.watchers.size + this.listeners.size > 0;
    if (watched && !document.hidden) {
      this.close ??= follow({ onMessage: (message) => this.take(message), snapshot: () => this.snapshot(), onRefused: () => this.refused() });
      return;
    }
    this.close?.();
    this.close = null;
    if (!watched) this.live = NOTHING;
  }

  private snapshot(): Snapshot | null {
    const { tick, series, connected } = this.live;
    return tick === null || !connected ? null : { ...tick, series: [...series] };
  }

  private take(message: Message): void {
    if (message.kind === "lost") {
      this.put({ ...this.live, connected: false, lost: true });
      return;
    }
    const { tick, series } = message.kind === "snapshot" ? split(message.snapshot) : { tick: message.tick, series: this.extended(message.tick.point) };
    this.put({ tick, series, connected: true, lost: false });
    for (const listener of this.listeners) listener(tick);
  }

  private extended(point: Point): Point[] {
    return [...this.live.series, point].slice(-KEPT);
  }

  private put(live: Live): void {
    this.live = live;
    for (const changed of this.watchers) changed();
  }
}

function split({ series, ...tick }: Snapshot): { tick: Standing; series: Point[] } {
  return { tick, series };
}

export const feed = new Feed();

export function useLive(): Live {
  return useSyncExternalStore(feed.watch, feed.read);
}
