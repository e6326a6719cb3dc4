/** A table of rows that can be opened: sticky head, rows of 40 px, sorting by the heads, pages in the URL. */
import { Button, Skeleton } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import type { MouseEvent, ReactNode } from "react";
import { Link, useLocation, useNavigate } from "react-router";

import { useFilter } from "~/ui/urlState";

import classes from "./DataTable.module.css";

export interface Column<Row> {
  id: string;
  label: string;
  cell: (row: Row) => ReactNode;
  /** Aligned to the right. */
  numeric?: boolean;
  /** The name by which the API sorts this column; its head is then a button. */
  sort?: string;
  /** Text of any length (`Name`): such columns share the room that the others leave, in these proportions. */
  grow?: number;
  /** The least that such a column shrinks to, in pixels. */
  least?: number;
  /** Prose: on as many lines as it takes. */
  wraps?: boolean;
  /** The width of the table from which the column is shown, in pixels. */
  from?: 700 | 780 | 900 | 1000 | 1100;
  /** Where the cell goes in a narrow table: beside the first one, or on the lines below it, alone or with the column's name before
   * it, whatever `from` says. If any column says so, rows are stacked instead of scrolling sideways. */
  narrow?: "beside" | "below" | "named";
  /** Whether the head is for screen readers only: above a column of buttons, say. */
  quiet?: boolean;
}

export interface SelectCells<Row> {
  shown: ReactNode;
  one: (row: Row) => ReactNode;
}

interface TableProps<Row> {
  label: string;
  columns: Column<Row>[];
  rows: readonly Row[] | undefined;
  rowKey: (row: Row) => string;
  /** The path that a row opens, with the filters of the page. The first cell is the link; the whole row can be clicked. */
  to?: (row: Row) => string;
  /** Filters for that path, where they are not the page's own. */
  search?: string;
  /** Whether a row is the one that is open. */
  isSelected?: (row: Row) => boolean;
  empty: ReactNode;
  sort?: { by: string; order: string; onSort: (by: string) => void };
  /** What stands before each row to select it, and before the heads for all that are shown (`selectionBoxes`). */
  select?: SelectCells<Row>;
}

const SKELETON_ROWS = 8;

export function DataTable<Row>({ label, columns, rows, rowKey, to, search, isSelected, empty, sort, select }: TableProps<Row>) {
  const location = useLocation();
  const navigate = useNavigate();
  const target = (row: Row) => ({ pathname: to?.(row) ?? "", search: search ?? location.search });
  const open = (event: MouseEvent, row: Row) => {
    if (to === undefined || isForSomethingElse(event)) return;
    if (event.metaKey || event.ctrlKey) window.open(`${import.meta.env.BASE_URL}${target(row).pathname.slice(1)}${target(row).search}`);
    else void navigate(target(row));
  };
  const stacks = columns.some(({ narrow }) => narrow !== undefined);
  const shares = columns.reduce((sum, { grow = 0 }) => sum + grow, 0);
  if (rows?.length === 0) return <>{empty}</>;
  return (
    <div ref={scrollsWhenWide} className={classes["scroll"]} tabIndex={0} role="region" aria-label={`${label}, table`}>
      <table className={classes["table"]} data-stacks={stacks} data-sorts={sort !== undefined} aria-busy={rows === undefined}>
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {select !== undefined && (
              <th scope="col" data-select data-sorts>
                {select.shown}
              </th>
            )}
            {columns.map((column) => (
              <Head key={column.id} column={column} shares={shares} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows === undefined
            ? Array.from({ length: SKELETON_ROWS }, (_, place) => (
                <tr key={place}>
                  {select !== undefined && <td data-select />}
                  {columns.map((column) => (
                    <td key={column.id} data-from={column.from} data-narrow={column.narrow} data-grows={column.grow !== undefined}>
                      <Skeleton height={12} width="70%" />
                    </td>
                  ))}
                </tr>
              ))
            : rows.map((row) => (
                <tr
                  key={rowKey(row)}
                  data-opens={to !== undefined}
                  data-selected={isSelected?.(row) ?? false}
                  onClick={(event) => open(event, row)}
                >
                  {select !== undefined && <td data-select>{select.one(row)}</td>}
                  {columns.map((column, at) => (
                    <td
                      key={column.id}
                      data-numeric={column.numeric}
                      data-from={column.from}
                      data-narrow={column.narrow}
                      data-grows={column.grow !== undefined}
                      data-wraps={column.wraps}
                      {...(column.narrow === "named" && { "data-label": column.label.replace("\n", " ") })}
                    >
                      {at === 0 && to !== undefined ? (
                        <Link to={target(row)} className={classes["open"] ?? ""}>
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

/** Marks the element while the table in it has no room: it then scrolls. */
function scrollsWhenWide(element: HTMLDivElement | null) {
  const table = element?.firstElementChild;
  if (!element || !table) return;
  const observer = new ResizeObserver(() => {
    element.dataset["wide"] = String(table.getBoundingClientRect().width > element.getBoundingClientRect().width + 0.5);
  });
  observer.observe(element);
  observer.observe(table);
  return () => observer.disconnect();
}

const CONTROLS = "a, button, input, label, select, textarea";

/** Whether a click is not meant for the row: on a control inside it, in a dialog opened from it, or at the end of selecting text. */
function isForSomethingElse({ target, currentTarget }: MouseEvent): boolean {
  if (!(target instanceof Element) || !currentTarget.contains(target)) return true;
  return target.closest(CONTROLS) !== null || window.getSelection()?.isCollapsed === false;
}

function Head<Row>({ column, shares, sort }: { column: Column<Row>; shares: number; sort: TableProps<Row>["sort"] }) {
  const sorted = sort !== undefined && column.sort === sort.by;
  const order = sorted ? (sort.order === "asc" ? "ascending" : "descending") : undefined;
  const Arrow = order === "ascending" ? IconArrowUp : IconArrowDown;
  const by = column.sort;
  return (
    <th
      scope="col"
      data-numeric={column.numeric}
      data-from={column.from}
      data-narrow={column.narrow}
      data-sorts={by !== undefined}
      data-grows={column.grow !== undefined}
      aria-sort={order}
      {...(column.grow !== undefined && { style: { width: `${(100 * column.grow) / shares}%`, minWidth: column.least } })}
    >
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

interface PagerProps {
  next: string | null | undefined;
  /** Of a list that can be read both ways. */
  previous?: string | null;
  shown: string;
}

/** Turns the pages of a list that is read by cursor: to the first, to the next and, where that can be, to the previous. */
export function Pager({ next, previous, shown }: PagerProps) {
  const [after, setAfter] = useFilter("after");
  const [before, setBefore] = useFilter("before");
  const [last, first] = [next === null || next === undefined, after === "" && before === ""];
  if (first && last) return <div className={classes["pager"]}>{shown}</div>;
  return (
    <nav className={classes["pager"]} aria-label="Pages of the table">
      <span>{shown}</span>
      <span className={classes["turn"]}>
        <Button variant="default" size="compact-xs" disabled={first} onClick={() => setAfter("")}>
          First page
        </Button>
        {previous !== undefined && (
          <Button variant="default" size="compact-xs" disabled={previous === null} onClick={() => setBefore(previous ?? "")}>
            Previous page
          </Button>
        )}
        <Button variant="default" size="compact-xs" disabled={last} onClick={() => setAfter(next ?? "")}>
          Next page
        </Button>
      </span>
    </nav>
  );
}
