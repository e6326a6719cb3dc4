/** The gateway's live feed for admins, as the overview shows it. */
import { useSyncExternalStore } from "react";

import type { Schemas } from "~/api/client";
import { Feed, type Live as LiveOf } from "~/features/live/source";

type Snapshot = Schemas["LiveSnapshot"];
type Tick = Schemas["LiveTick"];

export type Point = Tick["point"];

/** The state of the gateway at a moment, as every event of the feed gives it. */
export type Standing = Omit<Tick, "point">;

export interface Overview {
  tick: Standing;
  series: readonly Point[];
}

export type Live = LiveOf<Overview>;

/** Points that are kept: five minutes. */
const KEPT = 300;

export function newFeed(): Feed<Snapshot, Tick, Overview> {
  return new Feed<Snapshot, Tick, Overview>({
    path: "/admin/live",
    name: "tollkeeper-live",
    begin: ({ series, ...tick }) => ({ tick, series }),
    extend: (held, tick) => ({ tick, series: [...(held?.series ?? []), tick.point].slice(-KEPT) }),
    whole: ({ tick, series }) => ({ ...tick, series: [...series] }),
  });
}

export const feed = newFeed();

export function useLive(): Live {
  return useSyncExternalStore(feed.watch, feed.read);
}
