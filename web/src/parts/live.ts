/** The gateway's live feed: one stream for the whole page, opened while something looks at it. */
import { useSyncExternalStore } from "react";

import type { Schemas } from "~/api/client";

export type Snapshot = Schemas["LiveSnapshot"];
export type Tick = Schemas["LiveTick"];
export type Point = Tick["point"];

/** What both kinds of event say. */
export type Standing = Omit<Tick, "point">;

export interface Live {
  tick: Standing | null;
  series: readonly Point[];
  /** False while the stream is lost; the browser opens it again by itself. */
  connected: boolean;
}

const KEPT = 300;
const NOTHING: Live = { tick: null, series: [], connected: false };

type Listener = (tick: Standing) => void;

class Feed {
  private source: EventSource | null = null;
  private readonly watchers = new Set<() => void>();
  private readonly listeners = new Set<Listener>();
  private live: Live = NOTHING;

  readonly read = (): Live => this.live;

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    this.open();
    return () => {
      this.watchers.delete(changed);
      this.closeUnwatched();
    };
  };

  /** Told every tick, without a render for each: for caches. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    this.open();
    return () => {
      this.listeners.delete(listener);
      this.closeUnwatched();
    };
  }

  private open(): void {
    if (this.source !== null) return;
    const source = new EventSource("/admin/live");
    source.addEventListener("snapshot", (event: MessageEvent<string>) => {
      const { series, ...rest } = JSON.parse(event.data) as Snapshot;
      this.take(rest, series);
    });
    source.addEventListener("tick", (event: MessageEvent<string>) => {
      const tick = JSON.parse(event.data) as Tick;
      this.take(tick, [...this.live.series, tick.point].slice(-KEPT));
    });
    source.addEventListener("error", () => {
      this.put({ ...this.live, connected: false });
      // After a refusal (a session that ended) the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) window.setTimeout(() => this.reopen(source), 5_000);
    });
    this.source = source;
  }

  private reopen(old: EventSource): void {
    if (this.source !== old) return;
    this.source = null;
    if (this.watchers.size + this.listeners.size > 0) this.open();
  }

  private closeUnwatched(): void {
    if (this.watchers.size + this.listeners.size > 0) return;
    this.source?.close();
    this.source = null;
    this.live = NOTHING;
  }

  private take(tick: Standing, series: readonly Point[]): void {
    this.put({ tick, series, connected: true });
    for (const listener of this.listeners) listener(tick);
  }

  private put(live: Live): void {
    this.live = live;
    for (const changed of this.watchers) changed();
  }
}

export const feed = new Feed();

export function useLive(): Live {
  return useSyncExternalStore(feed.watch, feed.read);
}
