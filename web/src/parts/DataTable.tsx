/** A table of rows that open: sticky head, 40 px rows, sorting by its heads, pages in the URL. */
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import type { MouseEvent, ReactNode } from "react";
import { Link, useLocation, useNavigate } from "react-router";

import { Button, Skeleton } from "@mantine/core";

import { useFilter } from "~/parts/period";

import classes from "./DataTable.module.css";

export interface Column<Row> {
  id: string;
  label: string;
  cell: (row: Row) => ReactNode;
  /** Figures are aligned at their right. */
  numeric?: boolean;
  /** The name by which the API sorts; the head is then a button. */
  sort?: string;
  /** Left out where the window is narrower than this, in pixels. */
  from?: 700 | 900;
  /** Where the window is narrow: beside the first, or on the lines below it, by itself or with its name before it. If any column says
   * so, each row is stacked in that way, and nothing has to be reached for at the side. */
  narrow?: "beside" | "below" | "named";
  /** Read by screen readers only: a column of buttons, say. */
  quiet?: boolean;
}

interface TableProps<Row> {
  label: string;
  columns: Column<Row>[];
  rows: readonly Row[] | undefined;
  rowKey: (row: Row) => string;
  /** Where a row leads: the first cell is the link, the whole row can be clicked. The filters of the page stay. */
  to?: (row: Row) => string;
  /** The filters to lead there with, where they are not the page's own. */
  search?: string;
  selected?: string | undefined;
  empty: ReactNode;
  sort?: { by: string; order: string; onSort: (by: string) => void };
  height?: number;
}

const SKELETON_ROWS = 8;

export function DataTable<Row>({ label, columns, rows, rowKey, to, search, selected, empty, sort, height }: TableProps<Row>) {
  const location = useLocation();
  const navigate = useNavigate();
  const place = (row: Row) => ({ pathname: to?.(row) ?? "", search: search ?? location.search });
  const open = (event: MouseEvent, row: Row) => {
    if (to === undefined || isOwnClick(event)) return;
    if (event.metaKey || event.ctrlKey) window.open(`${import.meta.env.BASE_URL}${place(row).pathname.slice(1)}${place(row).search}`);
    else void navigate(place(row));
  };
  const stacks = columns.some(({ narrow }) => narrow !== undefined);
  if (rows?.length === 0) return <>{empty}</>;
  return (
    <div className={classes["scroll"]} style={height === undefined ? undefined : { maxHeight: height }} tabIndex={0} role="region" aria-label={`${label}, table`}>
      <table className={classes["table"]} data-stacks={stacks} data-sorts={sort !== undefined} aria-busy={rows === undefined}>
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.id} column={column} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows === undefined
            ? Array.from({ length: SKELETON_ROWS }, (_, place) => (
                <tr key={place}>
                  {columns.map((column) => (
                    <td key={column.id} data-from={column.from} data-narrow={column.narrow}>
                      <Skeleton height={12} width="70%" />
                    </td>
                  ))}
                </tr>
              ))
            : rows.map((row) => (
                <tr
                  key={rowKey(row)}
                  data-opens={to !== undefined}
                  data-selected={selected === rowKey(row)}
                  onClick={(event) => open(event, row)}
                >
                  {columns.map((column, at) => (
                    <td
                      key={column.id}
                      data-numeric={column.numeric}
                      data-from={column.from}
                      data-narrow={column.narrow}
                      // The head says the rest of it.
                      {...(column.narrow === "named" && { "data-label": column.label.split("\n")[0] })}
                    >
                      {at === 0 && to !== undefined ? (
                        <Link to={place(row)} className={classes["open"] ?? ""}>
                          {column.cell(row)}
                        </Link>
                      ) : (
                        column.cell(row)
                      )}
                    </td>
                  ))}
                </tr>
              ))}
        </tbody>
      </table>
    </div>
  );
}

const PRESSED = "a, button, input, label, select, textarea";

/** A click that something in the row takes for itself, that was in a dialog opened from it, or that ends the marking of text. */
function isOwnClick({ target, currentTarget }: MouseEvent): boolean {
  if (!(target instanceof Element) || !currentTarget.contains(target)) return true;
  return target.closest(PRESSED) !== null || window.getSelection()?.isCollapsed === false;
}

function Head<Row>({ column, sort }: { column: Column<Row>; sort: TableProps<Row>["sort"] }) {
  const sorted = sort !== undefined && column.sort === sort.by;
  const order = sorted ? (sort.order === "asc" ? "ascending" : "descending") : undefined;
  const Arrow = order === "ascending" ? IconArrowUp : IconArrowDown;
  const by = column.sort;
  return (
    <th scope="col" data-numeric={column.numeric} data-from={column.from} data-sorts={by !== undefined} aria-sort={order}>
      {by !== undefined && sort !== undefined ? (
        <button type="button" className={classes["sort"]} onClick={() => sort.onSort(by)}>
          {column.label}
          {sorted && <Arrow size={13} aria-hidden />}
        </button>
      ) : (
        <span className={column.quiet === true ? "visually-hidden" : ""}>{column.label}</span>
      )}
    </th>
  );
}

/** Pages of a list that is asked for by cursor: the first, and the next. */
export function Pager({ next, shown }: { next: string | null | undefined; shown: string }) {
  const [after, setAfter] = useFilter("after");
  if (after === "" && (next === null || next === undefined)) return <div className={classes["pager"]}>{shown}</div>;
  return (
    <nav className={classes["pager"]} aria-label="Pages of the table">
      <span>{shown}</span>
      <span className={classes["turn"]}>
        <Button variant="default" size="compact-xs" disabled={after === ""} onClick={() => setAfter("")}>
          First page
        </Button>
        <Button
          variant="default"
          size="compact-xs"
          disabled={next === null || next === undefined}
          onClick={() => setAfter(next ?? "")}
        >
          Next page
        </Button>
      </span>
    </nav>
  );
}
