import { type Order, type SortName, SORTS } from "~/features/users/users";
import { useFilter } from "~/ui/urlState";

/** How the table is sorted, kept in the URL. Names begin ascending; figures descending, as the largest matter most. */
export function useSort(): { sort: SortName; order: Order; sortBy: (by: string) => void } {
  const [sorted, setSorted] = useFilter("sort");
  const [by = "", direction = ""] = sorted.split("-");
  const sort = SORTS.find((name) => name === by) ?? "cost";
  const order: Order = direction === "asc" || direction === "desc" ? direction : firstOrder(sort);
  const sortBy = (next: string) => {
    const reversed = order === "asc" ? "desc" : "asc";
    setSorted(`${next}-${next === sort ? reversed : firstOrder(next)}`);
  };
  return { sort, order, sortBy };
}

function firstOrder(by: string): Order {
  return by === "user_id" ? "asc" : "desc";
}
