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
  /** False while the stream is lost; it is opened again by itself. */
  connected: boolean;
  /** It was lost, or never came, and has not come back yet; false while it is opened for the first time. */
  lost: boolean;
}

const KEPT = 300;
const AGAIN_MS = 5_000;
/** A stream that says nothing for so long is dead, though nobody told: the machine slept, or its network changed. */
const SILENT_MS = 10_000;
const NOTHING: Live = { tick: null, series: [], connected: false, lost: false };

type Listener = (tick: Standing) => void;

class Feed {
  private source: EventSource | null = null;
  private readonly watchers = new Set<() => void>();
  private readonly listeners = new Set<Listener>();
  private live: Live = NOTHING;
  private alarm: number | undefined;

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
      this.put({ ...this.live, connected: false, lost: true });
      // After a refusal the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) window.setTimeout(() => this.reopen(source), AGAIN_MS);
    });
    this.source = source;
    this.listenFor(source);
  }

  private listenFor(source: EventSource): void {
    window.clearTimeout(this.alarm);
    this.alarm = window.setTimeout(() => {
      this.put({ ...this.live, connected: false, lost: true });
      this.reopen(source);
    }, SILENT_MS);
  }

  private reopen(old: EventSource): void {
    if (this.source !== old) return;
    old.close();
    this.source = null;
    if (this.watchers.size + this.listeners.size > 0) this.open();
  }

  private closeUnwatched(): void {
    if (this.watchers.size + this.listeners.size > 0) return;
    window.clearTimeout(this.alarm);
    this.source?.close();
    this.source = null;
    this.live = NOTHING;
  }

  private take(tick: Standing, series: readonly Point[]): void {
    if (this.source !== null) this.listenFor(this.source);
    this.put({ tick, series, connected: true, lost: false });
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
