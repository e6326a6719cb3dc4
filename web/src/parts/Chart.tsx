/** Charts: one question each. Hover and arrow keys show all figures of a moment and their sum; a click leads to the calls behind
 * it; the table behind the chart is one click away, and is what a screen reader gets. */
import { Button } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { line as lineOf } from "d3-shape";
import { type KeyboardEvent, type PointerEvent, type ReactNode, useState } from "react";
import { useNavigate } from "react-router";

import { type ChartRow, heightScale, labelEvery, leftOf, PLOT, type Series, stack } from "~/parts/chart";
import { Panel } from "~/parts/Page";

import classes from "./Chart.module.css";

interface ChartProps {
  title: string;
  kind: "columns" | "lines";
  series: readonly Series[];
  rows: readonly ChartRow[];
  write: (value: number) => string;
  /** What the places of the x axis are: "Day". */
  place: string;
  /** Fewer rows for the table, where those of the chart are too many to read. */
  figures?: readonly ChartRow[];
  height?: number;
  /** Instead of a chart, where there is nothing to draw. */
  empty?: ReactNode;
  actions?: ReactNode;
}

export function Chart({ title, empty, actions, ...chart }: ChartProps) {
  const [asTable, setAsTable] = useState(false);
  if (empty !== undefined && empty !== null) return <Panel title={title}>{empty}</Panel>;
  const toggle = (
    <>
      {actions}
      <Button variant="subtle" color="gray" size="compact-xs" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
        {asTable ? "Chart" : "Table"}
      </Button>
    </>
  );
  return (
    <Panel title={title} actions={toggle}>
      {asTable ? (
        <Figures title={title} {...chart} />
      ) : (
        <>
          <Drawing title={title} {...chart} />
          <div className="visually-hidden">
            <Figures title={title} {...chart} />
          </div>
        </>
      )}
    </Panel>
  );
}

type DrawnProps = Omit<ChartProps, "empty" | "actions">;
/** Ticks above each other, in pixels, so that short charts are not crowded. */
const TICK_HEIGHT = 40;

function Drawing({ kind, series, rows, write, height = 220 }: DrawnProps) {
  const { ref, width } = useElementSize();
  const [at, setAt] = useState<number | null>(null);
  const navigate = useNavigate();

  const ends = rows.flatMap(({ values }) => (kind === "columns" ? stack(values).map(([, to]) => to) : values));
  const y = heightScale(ends, height);
  const [least = 0] = y.domain();
  const ticks = y.ticks(Math.max(2, Math.min(4, Math.floor(height / TICK_HEIGHT))));
  const left = leftOf(ticks.map(write));
  const room = Math.max(0, width - left - PLOT.right);
  const step = room / Math.max(1, kind === "columns" ? rows.length : rows.length - 1);
  const center = (place: number) => left + (kind === "columns" ? (place + 0.5) * step : place * step);
  const every = labelEvery(rows.length, room);
  const pointed = at === null ? undefined : rows[at];

  const point = (event: PointerEvent<SVGSVGElement>) => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left - left;
    const place = kind === "columns" ? Math.floor(x / step) : Math.round(x / step);
    setAt((rows[place]?.values.length ?? 0) > 0 ? place : null);
  };
  const press = (event: KeyboardEvent) => {
    const moves: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
    const move = moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      const first = Math.max(0, rows.findIndex((row) => row.values.length > 0));
      setAt((old) => Math.min(rows.length - 1, Math.max(first, (old ?? rows.length) + move)));
    } else if (event.key === "Enter") open();
    else if (event.key === "Escape") setAt(null);
  };
  const open = () => {
    if (pointed?.to !== undefined) void navigate(pointed.to);
  };

  return (
    <div className={classes["chart"]} ref={ref}>
      {/* Figures for those who do not see it stand in the table beside it. */}
      <svg
        width={width}
        height={height}
        className={classes["plot"]}
        data-opens={pointed?.to !== undefined}
        onPointerMove={point}
        onPointerLeave={() => setAt(null)}
        onClick={open}
        onKeyDown={press}
        onBlur={() => setAt(null)}
        tabIndex={0}
        role="img"
        aria-label={pointed === undefined ? "Chart; arrow keys read its figures" : read(pointed, series, write)}
      >
        {ticks.map((tick) => (
          <g key={tick}>
            <line className={classes["grid"]} x1={left} x2={width - PLOT.right} y1={y(tick)} y2={y(tick)} />
            <text className={classes["axis"]} x={left - 8} y={y(tick)} dy="0.32em" textAnchor="end">
              {write(tick)}
            </text>
          </g>
        ))}
        {rows.map(
          (row, place) =>
            (row.tick === undefined ? (rows.length - 1 - place) % every === 0 : row.tick !== "") && (
              <text key={row.id} className={classes["axis"]} x={center(place)} y={height - 6} textAnchor={textAnchor(kind, place, rows.length)}>
                {row.tick ?? row.label}
              </text>
            ),
        )}
        {at !== null && kind === "columns" && (
          <rect className={classes["band"]} x={center(at) - step / 2} width={step} y={PLOT.top} height={height - PLOT.top - PLOT.bottom} />
        )}
        {at !== null && kind === "lines" && (
          <line className={classes["cursor"]} x1={center(at)} x2={center(at)} y1={PLOT.top} y2={height - PLOT.bottom} />
        )}
        {kind === "columns"
          ? rows.map((row, place) => <Column key={row.id} row={row} series={series} center={center(place)} width={columnWidth(step)} y={y} />)
          : series.map((one, which) => [one, which] as const).reverse().map(([one, which]) => (
              // The first lies on top.
              <path
                key={one.name}
                className={classes["line"]}
                stroke={one.color}
                d={
                  lineOf<ChartRow>()
                    .x((_, place) => center(place))
                    .defined((row) => row.values.length > 0)
                    .y((row) => y(row.values[which] ?? 0))(rows) ?? ""
                }
              />
            ))}
        {least < 0 && <line className={classes["zero"]} x1={left} x2={width - PLOT.right} y1={y(0)} y2={y(0)} />}
      </svg>
      {pointed !== undefined && at !== null && (
        <div
          className={classes["tip"]}
          style={{ left: center(at), top: 0 }}
          data-side={center(at) > width / 2 ? "left" : "right"}
          aria-hidden
        >
          <div className={classes["tipTitle"]}>{pointed.label}</div>
          {series.map((one, which) => (
            <div key={one.name} className={classes["tipLine"]}>
              <span className={classes["dot"]} style={{ background: one.color }} />
              <span className={classes["tipName"]}>{one.name}</span>
              <span className="num">{write(pointed.values[which] ?? 0)}</span>
            </div>
          ))}
          {series.length > 1 && kind === "columns" && (
            <div className={classes["tipSum"]}>
              <span>All</span>
              <span className="num">{write(sum(pointed.values))}</span>
            </div>
          )}
        </div>
      )}
      <Legend series={series} />
    </div>
  );
}

const MOST_WIDE = 44;
/** However little there is of something, that it is there can be seen. */
const LEAST_TALL = 1;

function columnWidth(step: number): number {
  return Math.max(1, Math.min(MOST_WIDE, step * 0.72));
}

interface ColumnProps {
  row: ChartRow;
  series: readonly Series[];
  center: number;
  width: number;
  y: ReturnType<typeof heightScale>;
}

function Column({ row, series, center, width, y }: ColumnProps) {
  const parts = stack(row.values);
  return series.map((one, which) => {
    const [from, to] = parts[which] ?? [0, 0];
    if (from === to) return null;
    const tall = Math.max(LEAST_TALL, Math.abs(y(from) - y(to)));
    return <rect key={one.name} x={center - width / 2} width={width} y={to > from ? y(from) - tall : y(from)} height={tall} fill={one.color} />;
  });
}

function textAnchor(kind: ChartProps["kind"], place: number, places: number) {
  if (kind === "columns") return "middle";
  return place === places - 1 ? "end" : place === 0 ? "start" : "middle";
}

function Legend({ series }: { series: readonly Series[] }) {
  if (series.length < 2) return null;
  return (
    <ul className={classes["legend"]}>
      {series.map((one) => (
        <li key={one.name}>
          <span className={classes["dot"]} style={{ background: one.color }} />
          {one.name}
        </li>
      ))}
    </ul>
  );
}

function Figures({ title, series, rows: drawn, figures, write, place, kind }: DrawnProps) {
  const rows = figures ?? drawn;
  return (
    <div className={classes["figures"]} tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{place}</th>
            {series.map((one) => (
              <th key={one.name} scope="col">
                {one.name}
              </th>
            ))}
            {series.length > 1 && kind === "columns" && <th scope="col">All</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">{row.label}</th>
              {series.map((one, which) => (
                <td key={one.name} className="num">
                  {write(row.values[which] ?? 0)}
                </td>
              ))}
              {series.length > 1 && kind === "columns" && <td className="num">{write(sum(row.values))}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function read(row: ChartRow, series: readonly Series[], write: (value: number) => string): string {
  return `${row.label}: ${series.map((one, which) => `${one.name} ${write(row.values[which] ?? 0)}`).join(", ")}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

/** Seven days in the space of a word. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const width = 72;
  const height = 20;
  const step = width / values.length;
  const top = Math.max(...values, 0);
  return (
    <svg width={width} height={height} role="img" aria-label={label} className={classes["spark"]}>
      {values.map((value, place) => {
        const tall = top === 0 || value <= 0 ? 1 : Math.max(2, (value / top) * height);
        return <rect key={place} x={place * step} y={height - tall} width={step - 2} height={tall} data-empty={value <= 0} />;
      })}
    </svg>
  );
}
