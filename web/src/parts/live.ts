/** The gateway's live feed, while something looks at it and the page can be seen. */
import { useSyncExternalStore } from "react";

import { follow, type Said, type Snapshot, type Tick } from "~/parts/liveStream";

export type Point = Tick["point"];

/** What both kinds of event say. */
export type Standing = Omit<Tick, "point">;

export interface Live {
  tick: Standing | null;
  series: readonly Point[];
  /** False while the stream is lost; it is opened again by itself. */
  connected: boolean;
  /** It was lost, or never came, and has not come back yet; false while it is opened for the first time. */
  lost: boolean;
}

const KEPT = 300;
const NOTHING: Live = { tick: null, series: [], connected: false, lost: false };

type Listener = (tick: Standing) => void;

export class Feed {
  private leave: (() => void) | null = null;
  private readonly watchers = new Set<() => void>();
  private readonly listeners = new Set<Listener>();
  private live: Live = NOTHING;
  private refused: () => void = () => undefined;

  constructor() {
    document.addEventListener("visibilitychange", () => this.turn());
  }

  readonly read = (): Live => this.live;

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    this.turn();
    return () => {
      this.watchers.delete(changed);
      this.turn();
    };
  };

  /** Told every tick, without a render for each: for caches. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    this.turn();
    return () => {
      this.listeners.delete(listener);
      this.turn();
    };
  }

  /** What to do when the gateway refuses the stream: the session may be over. */
  whenRefused(refused: () => void): () => void {
    this.refused = refused;
    return () => {
      this.refused = () => undefined;
    };
  }

  /** On or off, as it is looked at or not. What a hidden page showed last stays until it is seen again. */
  private turn(): void {
    const watched = this.watchers.size + this.listeners.size > 0;
    if (watched && !document.hidden) {
      this.leave ??= follow({ told: (said) => this.take(said), whole: () => this.whole(), refused: () => this.refused() });
      return;
    }
    this.leave?.();
    this.leave = null;
    if (!watched) this.live = NOTHING;
  }

  private whole(): Snapshot | null {
    const { tick, series, connected } = this.live;
    return tick === null || !connected ? null : { ...tick, series: [...series] };
  }

  private take(said: Said): void {
    if (said.kind === "lost") {
      this.put({ ...this.live, connected: false, lost: true });
      return;
    }
    const { tick, series } = said.kind === "snapshot" ? split(said.snapshot) : { tick: said.tick, series: this.grown(said.tick.point) };
    this.put({ tick, series, connected: true, lost: false });
    for (const listener of this.listeners) listener(tick);
  }

  private grown(point: Point): Point[] {
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
