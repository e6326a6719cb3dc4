/** Aliases: other names of models, each of one or of several in the order in which they are tried. */
import { useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import { ALL_MODELS, type Model } from "~/features/models/models";
import { useNotices } from "~/ui/useNotices";

export interface Alias {
  name: string;
  models: readonly string[];
}

type Table = Record<string, string | string[]>;

const ALIASES = ["admin", "aliases"] as const;

async function readTable(): Promise<Table> {
  return body(api.GET("/admin/aliases"));
}

/** All aliases, in alphabetical order. */
export function useAliases() {
  return useQuery({ queryKey: ALIASES, queryFn: readTable, select: aliasesOf });
}

export function aliasesOf(table: Table): Alias[] {
  const aliases = Object.entries(table).map(([name, models]): Alias => ({ name, models: typeof models === "string" ? [models] : models }));
  return aliases.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A table after one alias of it was replaced: `before` is its old name, null for a new one; `after` is null for one to remove. */
export function changedTable(table: Table, before: string | null, after: Alias | null): Table {
  const others = Object.entries(table).filter(([name]) => name !== before && name !== after?.name);
  return Object.fromEntries(after === null ? others : [...others, [after.name, [...after.models]]]);
}

export interface AliasChanges {
  /** Rejects with the gateway's error. */
  save: (before: string | null, after: Alias) => Promise<void>;
  remove: (name: string) => Promise<void>;
}

/** The API replaces all aliases at once, so what others have changed meanwhile is read first. */
export function useAliasChanges(): AliasChanges {
  const queries = useQueryClient();
  const { notify } = useNotices();

  async function change(before: string | null, after: Alias | null) {
    await body(api.PUT("/admin/aliases", { body: changedTable(await readTable(), before, after) }));
    await Promise.all([ALIASES, ALL_MODELS].map((queryKey) => queries.invalidateQueries({ queryKey })));
  }

  return {
    async save(before, after) {
      await change(before, after);
      notify({ state: "good", text: `${after.name} stands for ${after.models.join(", then ")}. In force at the next request.` });
    },
    async remove(name) {
      await change(name, null);
      notify({ state: "good", text: `${name} is removed.` });
    },
  };
}

/** What an alias may stand for: every model, and those that several upstreams have at each of them. */
export function targetsOf(models: readonly Model[]): string[] {
  return models.flatMap(({ name, upstreams }) => [name, ...upstreams.map((upstream) => `${name}@${upstream}`)]);
}
