import { Checkbox } from "@mantine/core";

import type { SelectCells } from "~/ui/DataTable";

/** Rows that are selected. */
export interface Selection<Row> {
  /** The name of a row, for screen readers. */
  nameOf: (row: Row) => string;
  has: (row: Row) => boolean;
  toggle: (row: Row) => void;
  /** Select all rows that are shown, or none. */
  toggleShown: (all: boolean) => void;
}

/** Boxes that select rows of a table, and all that are shown. */
export function selectionBoxes<Row>(rows: readonly Row[], { nameOf, has, toggle, toggleShown }: Selection<Row>): SelectCells<Row> {
  const count = rows.filter(has).length;
  const all = rows.length > 0 && count === rows.length;
  return {
    shown: (
      <Checkbox size="xs" aria-label="Select all that are shown" checked={all} indeterminate={count > 0 && !all} onChange={() => toggleShown(!all)} />
    ),
    one: (row) => <Checkbox size="xs" aria-label={`Select ${nameOf(row)}`} checked={has(row)} onChange={() => toggle(row)} />,
  };
}
