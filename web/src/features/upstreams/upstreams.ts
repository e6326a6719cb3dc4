/** The upstreams there are, their health, and changes to them. */
import { useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, messageOf, type Schemas } from "~/api/client";
import { type Standing, useLive } from "~/features/live/feed";
import { ALL_MODELS } from "~/features/models/models";
import { useNotices } from "~/ui/useNotices";

export type Upstream = Schemas["UpstreamBody"];
type UpstreamChange = Schemas["UpstreamChangeForm"];

const UPSTREAMS = ["admin", "upstreams"] as const;
const FRESH_MS = 10_000;

/** All upstreams, with their health from the live feed, which is newer than the list's. */
export function useUpstreams() {
  const tick = useLive().held?.tick;
  const { data, error, refetch } = useQuery({
    queryKey: UPSTREAMS,
    refetchInterval: FRESH_MS,
    queryFn: () => body(api.GET("/admin/upstreams", { params: { query: { limit: 1000 } } })),
  });
  return { upstreams: data && withHealth(data.data, tick?.upstreams ?? []), error, refetch };
}

/** An upstream that the feed does not name keeps the health it has. */
export function withHealth<T extends Pick<Upstream, "id" | "health">>(upstreams: readonly T[], live: Standing["upstreams"]): T[] {
  const now = new Map(live.map(({ id, state, in_flight, queued, error }) => [id, { state, in_flight, queued, error }]));
  return upstreams.map((upstream) => ({ ...upstream, health: { ...upstream.health, ...now.get(upstream.id) } }));
}

export interface UpstreamChanges {
  add: (form: Schemas["UpstreamForm"]) => Promise<void>;
  save: (id: string, changes: UpstreamChange) => Promise<void>;
  setState: (id: string, state: Upstream["state"]) => Promise<void>;
  remove: (id: string) => Promise<void>;
}

/** Changes to upstreams; all but `setState` reject with the gateway's error. */
export function useUpstreamChanges(): UpstreamChanges {
  const queries = useQueryClient();
  const { notify } = useNotices();
  const refresh = () => Promise.all([UPSTREAMS, ALL_MODELS].map((queryKey) => queries.invalidateQueries({ queryKey })));

  async function change(id: string, changes: UpstreamChange) {
    await body(api.PATCH("/admin/upstreams/{upstream_id}", { params: { path: { upstream_id: id } }, body: changes }));
    await refresh();
  }

  return {
    async add(form: Schemas["UpstreamForm"]) {
      await body(api.POST("/admin/upstreams", { body: form }));
      notify({ state: "good", text: `${form.id} is added. It gets requests as soon as its models are known.` });
      await refresh();
    },
    async save(id: string, changes: UpstreamChange) {
      await change(id, changes);
      notify({ state: "good", text: `${id} is changed. In force at the next request.` });
    },
    async setState(id: string, state: Upstream["state"]) {
      try {
        await change(id, { state });
        notify({ state: "good", text: STATE_TEXTS[state](id) });
      } catch (error) {
        notify({ state: "bad", text: messageOf(error) });
      }
    },
    async remove(id: string) {
      await body(api.DELETE("/admin/upstreams/{upstream_id}", { params: { path: { upstream_id: id } } }));
      notify({ state: "good", text: `${id} is removed. Its records stay.` });
      await refresh();
    },
  };
}

const STATE_TEXTS: Readonly<Record<Upstream["state"], (id: string) => string>> = {
  active: (id) => `${id} gets requests again.`,
  draining: (id) => `${id} gets no new requests, and is disabled when those under way have ended.`,
  disabled: (id) => `${id} is disabled. It gets no requests.`,
};
