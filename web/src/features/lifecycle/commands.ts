/** What an admin does with models that are there. */
import { useQueryClient } from "@tanstack/react-query";

import { api, body, messageOf, type Schemas } from "~/api/client";
import { ALL_MODELS } from "~/features/models/models";
import { count } from "~/ui/format/numbers";
import { type Notice, useNotices } from "~/ui/useNotices";

type Done = Schemas["DoneBody"];
export type Eviction = Schemas["EvictionBody"];
export type EvictForm = Schemas["EvictForm"];

/** How long a model stays in memory after its last use: as long as by its first request. */
const LOADED_SECONDS = 300;

/** An upstream's id; null: all that have the model. */
type Where = string | null;

export interface ModelCommands {
  load: (model: string, upstream: Where) => Promise<void>;
  unload: (model: string, upstream: Where) => Promise<void>;
  /** The others reject with the gateway's error. `digest` null: any. Neither: the model is unpinned. */
  pin: (model: string, to: { digest: string | null; loaded: boolean }) => Promise<void>;
  copy: (model: string, to: string, upstream: Where) => Promise<void>;
  remove: (model: string, upstream: Where, force: boolean) => Promise<void>;
  /** With `dry_run`, only tells what would go. */
  evict: (form: EvictForm) => Promise<Eviction>;
}

export function useModelCommands(): ModelCommands {
  const queries = useQueryClient();
  const { notify } = useNotices();
  const refresh = () => queries.invalidateQueries({ queryKey: ALL_MODELS });

  async function told(command: () => Promise<Notice>) {
    try {
      notify(await command());
    } catch (error) {
      notify({ state: "bad", text: messageOf(error) });
    }
    await refresh();
  }

  return {
    load: (model, upstream) =>
      told(async () => doneNotice(await body(api.POST("/admin/models/load", { body: { model, upstream, keep_alive_seconds: LOADED_SECONDS } })), "is in memory")),
    unload: (model, upstream) =>
      told(async () => doneNotice(await body(api.POST("/admin/models/unload", { body: { model, upstream } })), "leaves memory")),
    async pin(model, { digest, loaded }) {
      if (digest === null && !loaded) {
        await body(api.POST("/admin/models/unpin", { body: { model } }));
        notify({ state: "good", text: `${model} is not pinned any longer.` });
      } else {
        await body(api.POST("/admin/models/pin", { body: { model, digest, loaded } }));
        notify({ state: "good", text: `${model} is pinned${digest === null ? "" : " to one digest"}${loaded ? `${digest === null ? "" : ","} and kept in memory` : ""}.` });
      }
      await refresh();
    },
    async copy(model, to, upstream) {
      const done = await body(api.POST("/admin/models/copy", { body: { model, to, upstream } }));
      notify(doneNotice(done, `is called ${to}, too,`));
      await refresh();
    },
    async remove(model, upstream, force) {
      const query = { ...(upstream !== null && { upstream }), ...(force && { force }) };
      const done = await body(api.DELETE("/admin/models/{name}", { params: { path: { name: model }, query } }));
      notify(doneNotice(done, "is deleted"));
      await refresh();
    },
    async evict(form) {
      const found = await body(api.POST("/admin/models/evict", { body: form }));
      if (!form.dry_run) {
        notify(evictionNotice(found));
        await refresh();
      }
      return found;
    },
  };
}

/** "tiny is in memory at attic, but not at shed: …" */
export function doneNotice({ model, upstreams, failed }: Done, what: string): Notice {
  const reasons = Object.entries(failed).map(([upstream, reason]) => `${upstream}: ${reason}`);
  const text = `${model} ${what} at ${upstreams.join(", ")}`;
  return reasons.length === 0 ? { state: "good", text: `${text}.` } : { state: "bad", text: `${text}, but not at ${reasons.join("; ")}` };
}

export function evictionNotice({ how, evicted }: Pick<Eviction, "how" | "evicted">): Notice {
  const failed = evicted.filter(({ error }) => error !== null);
  const gone = evicted.length - failed.length;
  const text = `${gone === 1 ? "1 model is" : `${count(gone)} models are`} ${how === "delete" ? "deleted" : "unloaded"}`;
  if (failed.length === 0) return { state: "good", text: `${text}.` };
  return { state: "bad", text: `${text}, but not ${failed.map(({ model, upstream, error }) => `${model} at ${upstream}: ${error ?? ""}`).join("; ")}` };
}
