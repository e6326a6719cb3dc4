/** In which order calls are listed, kept in the URL as the API has it. */
import type { paths } from "~/api/schema";
import { useFilter } from "~/ui/urlState";

export type OrderBy = NonNullable<NonNullable<paths["/v1/usage"]["get"]["parameters"]["query"]>["order_by"]>;

export const NEWEST: OrderBy = "-created_at";

/** Each order in words. */
const ORDERS: Readonly<Record<OrderBy, string>> = {
  "-created_at": "newest first",
  created_at: "oldest first",
  "-cost_usd": "dearest first",
  cost_usd: "cheapest first",
  "-latency_ms": "slowest first",
  latency_ms: "fastest first",
};

/** The order that the URL names. */
export function orderOf(params: URLSearchParams): OrderBy {
  const named = params.get("order_by") ?? "";
  return Object.hasOwn(ORDERS, named) ? (named as OrderBy) : NEWEST;
}

export function orderInWords(order: OrderBy): string {
  return ORDERS[order];
}

/** The order after a click on a column's head: the largest or newest first, then the other way. */
export function orderAfterClick(order: OrderBy, by: string): OrderBy {
  const first = `-${by}`;
  return (order === first ? by : first) as OrderBy;
}

/** The order for the table's heads. */
export function useOrder(order: OrderBy): { by: string; order: "asc" | "desc"; onSort: (by: string) => void } {
  const [, set] = useFilter("order_by");
  const descending = order.startsWith("-");
  return {
    by: descending ? order.slice(1) : order,
    order: descending ? "desc" : "asc",
    onSort: (by) => {
      const next = orderAfterClick(order, by);
      set(next === NEWEST ? "" : next);
    },
  };
}
