import { Link } from "react-router";

import { type ChartRow, type Series, sum, written } from "~/ui/chart/geometry";

import classes from "./Chart.module.css";

interface Props {
  title: string;
  place: string;
  series: readonly Series[];
  rows: readonly ChartRow[];
  write: (value: number) => string;
  /** Whether the last column holds the sum of the others. */
  sums: boolean;
  /** Whether figures link to what is behind them. */
  links: boolean;
}

/** The figures of a chart as a table. */
export function ChartTable({ title, place, series, rows, write, sums, links }: Props) {
  const withSum = sums && series.length > 1;
  return (
    <div className={classes["table"]} tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{place}</th>
            {series.map((one) => (
              <th key={one.name} scope="col">
                {one.name}
              </th>
            ))}
            {withSum && <th scope="col">All</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">{row.label}</th>
              {series.map((one, which) => (
                <td key={one.name} className="num">
                  <Figure value={row.values[which]} write={write} to={links ? row.parts?.[which] : undefined} />
                </td>
              ))}
              {withSum && (
                <td className="num">
                  <Figure value={sum(row.values)} write={write} to={links ? row.to : undefined} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A figure; nothing is behind 0. */
function Figure({ value, write, to }: { value: number | undefined; write: (value: number) => string; to: string | undefined }) {
  return to === undefined || !value ? written(value, write) : <Link to={to}>{written(value, write)}</Link>;
}
