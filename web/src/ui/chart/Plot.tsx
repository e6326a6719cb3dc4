import { useElementSize } from "@mantine/hooks";
import { type KeyboardEvent, type MouseEvent, type PointerEvent, useState } from "react";
import { useNavigate } from "react-router";

import { apart, axisWidth, type ChartRow, type HeightScale, heightScale, labelEvery, linePath, PLOT, type Series, stack, sum, written } from "~/ui/chart/geometry";
import { Name } from "~/ui/Name";

import classes from "./Chart.module.css";

export interface PlotProps {
  kind: "columns" | "lines";
  series: readonly Series[];
  rows: readonly ChartRow[];
  write: (value: number) => string;
  height?: number;
}

/** The least distance of two ticks of the y axis, in pixels. */
const TICK_HEIGHT = 40;

export function Plot({ kind, series, rows, write, height = 220 }: PlotProps) {
  const { ref, width } = useElementSize();
  const [at, setAt] = useState<number | null>(null);
  const navigate = useNavigate();

  const ends = rows.flatMap(({ values }) => (kind === "columns" ? stack(values).map(([, to]) => to) : values)).filter((end) => !Number.isNaN(end));
  const y = heightScale(ends, height);
  const [least] = y.domain;
  const ticks = y.ticks(Math.max(2, Math.min(4, Math.floor(height / TICK_HEIGHT))));
  const left = axisWidth(ticks.map(write));
  const room = Math.max(0, width - left - PLOT.right);
  const step = room / Math.max(1, kind === "columns" ? rows.length : rows.length - 1);
  const center = (place: number) => left + (kind === "columns" ? (place + 0.5) * step : place * step);
  const every = labelEvery(rows.length, room);
  const labels = apart(
    rows.flatMap(({ id, tick, label }, place) => {
      const text = tick ?? ((rows.length - 1 - place) % every === 0 ? label : "");
      return text === "" ? [] : [{ id, text, at: center(place), anchor: textAnchor(kind, place, rows.length) }];
    }),
  );
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
  const open = (path = pointed?.to) => {
    if (path !== undefined) void navigate(path);
  };

  return (
    <div className={classes["chart"]} ref={ref}>
      <svg
        width={width}
        height={height}
        className={classes["plot"]}
        data-opens={pointed?.to !== undefined}
        onPointerMove={point}
        onPointerLeave={() => setAt(null)}
        onClick={() => open()}
        onKeyDown={press}
        onBlur={() => setAt(null)}
        tabIndex={0}
        role="img"
        aria-label={pointed === undefined ? "Chart; arrow keys read its figures" : describe(pointed, series, write)}
      >
        {ticks.map((tick) => (
          <g key={tick}>
            <line className={classes["grid"]} x1={left} x2={width - PLOT.right} y1={y(tick)} y2={y(tick)} />
            <text className={classes["axis"]} x={left - 8} y={y(tick)} dy="0.32em" textAnchor="end">
              {write(tick)}
            </text>
          </g>
        ))}
        {labels.map(({ id, text, at: x, anchor }) => (
          <text key={id} className={classes["axis"]} x={x} y={height - 6} textAnchor={anchor}>
            {text}
          </text>
        ))}
        {at !== null && kind === "columns" && (
          <rect className={classes["band"]} x={center(at) - step / 2} width={step} y={PLOT.top} height={height - PLOT.top - PLOT.bottom} />
        )}
        {at !== null && kind === "lines" && (
          <line className={classes["cursor"]} x1={center(at)} x2={center(at)} y1={PLOT.top} y2={height - PLOT.bottom} />
        )}
        {kind === "columns"
          ? rows.map((row, place) => <Column key={row.id} row={row} series={series} center={center(place)} width={columnWidth(step)} y={y} onOpen={open} />)
          : series.map((one, which) => [one, which] as const).reverse().map(([one, which]) => (
              // The first series is drawn last, on top.
              <path
                key={one.name}
                className={classes["line"]}
                stroke={one.color}
                d={linePath(rows.map(({ values }, place) => (values.length === 0 || Number.isNaN(values[which]) ? null : [center(place), y(values[which] ?? 0)])))}
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
              <span className="num">{written(pointed.values[which], write)}</span>
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

const MAX_WIDTH = 44;
/** However small a value is, it can be seen. */
const MIN_HEIGHT = 1;

function columnWidth(step: number): number {
  return Math.max(1, Math.min(MAX_WIDTH, step * 0.72));
}

interface ColumnProps {
  row: ChartRow;
  series: readonly Series[];
  center: number;
  width: number;
  y: HeightScale;
  onOpen: (path: string | undefined) => void;
}

function Column({ row, series, center, width, y, onOpen }: ColumnProps) {
  const parts = stack(row.values);
  return series.map((one, which) => {
    const [from, to] = parts[which] ?? [0, 0];
    if (from === to) return null;
    const tall = Math.max(MIN_HEIGHT, Math.abs(y(from) - y(to)));
    const open = (event: MouseEvent) => {
      event.stopPropagation();
      onOpen(row.parts?.[which] ?? row.to);
    };
    const top = to > from ? y(from) - tall : y(from);
    return <rect key={one.name} x={center - width / 2} width={width} y={top} height={tall} fill={one.color} onClick={open} />;
  });
}

function textAnchor(kind: PlotProps["kind"], place: number, places: number) {
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
          <Name text={one.name} tail={14} />
        </li>
      ))}
    </ul>
  );
}

/** What a screen reader says of a place. */
function describe(row: ChartRow, series: readonly Series[], write: (value: number) => string): string {
  return `${row.label}: ${series.map((one, which) => `${one.name} ${written(row.values[which], write)}`).join(", ")}`;
}
