/** Charts: one question each. Hovering and the arrow keys show all figures of a place and their sum; a click opens what is behind it.
 * The same figures as a table are one click away, and screen readers get that table. */
import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { ChartTable } from "~/ui/chart/ChartTable";
import type { ChartRow } from "~/ui/chart/geometry";
import { Plot, type PlotProps } from "~/ui/chart/Plot";
import { Panel } from "~/ui/Panel";

interface ChartProps extends PlotProps {
  title: string;
  /** What the places of the x axis are: "Day". */
  place: string;
  /** Fewer rows for the table, where the plot has too many to read. */
  tableRows?: readonly ChartRow[];
  /** Beside the title. */
  actions?: ReactNode;
  /** Shown instead of the chart, where there is nothing to draw. */
  empty?: ReactNode;
}

export function Chart({ title, place, tableRows, actions, empty, ...plot }: ChartProps) {
  const [asTable, setAsTable] = useState(false);
  if (empty !== undefined && empty !== null) return <Panel title={title} actions={actions}>{empty}</Panel>;
  const toggle = (
    <Button variant="subtle" color="gray" size="compact-xs" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
      {asTable ? "Chart" : "Table"}
    </Button>
  );
  const { kind, series, rows, write } = plot;
  const table = <ChartTable title={title} place={place} series={series} rows={tableRows ?? rows} write={write} sums={kind === "columns"} links={asTable} />;
  return (
    <Panel title={title} actions={<>{actions}{toggle}</>}>
      {asTable ? (
        table
      ) : (
        <>
          <Plot {...plot} />
          <div className="visually-hidden">{table}</div>
        </>
      )}
    </Panel>
  );
}
