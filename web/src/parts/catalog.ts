/** Models and prices, whole: there are hundreds at most, so they are searched and paged here. */
import { useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { useFilter } from "~/parts/period";

export type Model = Schemas["ModelBody"];
export type Price = Schemas["PriceBody"];

interface Listing<Row> {
  data: Row[];
  next?: string | null;
}

const AT_ONCE = 1000;

async function all<Row>(page: (query: { limit: number; after?: string }) => Promise<Listing<Row>>): Promise<Row[]> {
  const rows: Row[] = [];
  let after: string | null | undefined;
  do {
    const found = await page({ limit: AT_ONCE, ...(typeof after === "string" && { after }) });
    rows.push(...found.data);
    after = found.next;
  } while (typeof after === "string");
  return rows;
}

export function useAllModels() {
  return useQuery({
    queryKey: ["admin", "models", "all"],
    queryFn: () => all((query) => body(api.GET("/admin/models", { params: { query } }))),
  });
}

export const PRICES = ["admin", "prices"] as const;

/** The prices in force, by name or pattern. */
export function useAllPrices() {
  return useQuery({
    queryKey: [...PRICES, "all"],
    queryFn: () => all((query) => body(api.GET("/admin/prices", { params: { query } }))),
  });
}

/** Every version of one, newest first, those to come included. */
export function useHistory(model: string) {
  return useQuery({
    queryKey: [...PRICES, "history", model],
    queryFn: () => {
      const path = { model };
      return all((query) => body(api.GET("/admin/prices/{model}/history", { params: { path, query } })));
    },
  });
}

export function isPattern(model: string): boolean {
  return model.endsWith("*");
}

const ROWS = 100;

/** Of the rows that have what was searched for, the page that the URL names. */
export function useSearched<Row>(rows: readonly Row[] | undefined, textOf: (row: Row) => string) {
  const [q] = useFilter("q");
  const [after] = useFilter("after");
  const found = rows?.filter((row) => textOf(row).toLowerCase().includes(q.trim().toLowerCase()));
  const from = Number(after) || 0;
  const shown = found?.slice(from, from + ROWS);
  return { found, shown, next: (found?.length ?? 0) > from + ROWS ? String(from + ROWS) : null };
}

export type VersionState = "in force" | "to come" | "past";

/** What the versions of one name are at a moment, newest first as they come. */
export function statesOf(versions: readonly Pick<Price, "id" | "effective_at">[], now: Date): Map<number, VersionState> {
  const states = new Map<number, VersionState>();
  let found = false;
  for (const { id, effective_at: at } of versions) {
    if (Date.parse(at) > now.getTime()) states.set(id, "to come");
    else {
      states.set(id, found ? "past" : "in force");
      found = true;
    }
  }
  return states;
}
