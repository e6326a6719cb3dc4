import { useFilter } from "~/ui/urlState";

const ROWS = 100;

/** Search and page a list that is here as a whole, as the URL says: the rows that match, and the page of them that is shown. */
export function usePagedSearch<Row>(rows: readonly Row[] | undefined, textOf: (row: Row) => string) {
  const [q] = useFilter("q");
  const [after] = useFilter("after");
  const found = rows?.filter((row) => textOf(row).toLowerCase().includes(q.trim().toLowerCase()));
  const from = Number(after) || 0;
  const shown = found?.slice(from, from + ROWS);
  return { found, shown, next: (found?.length ?? 0) > from + ROWS ? String(from + ROWS) : null };
}
