import { Text } from "@mantine/core";

import { type ModelColors, OTHER, useModelColors } from "~/features/models/colors";
import type { SummaryRow, Usage, UsageColumn } from "~/features/usage/usage";
import { Chart } from "~/ui/chart/Chart";
import type { ChartRow, Series } from "~/ui/chart/geometry";
import { useClock, zoneNote } from "~/ui/clock";
import { approximate, usdTick } from "~/ui/format/money";
import { compact } from "~/ui/format/numbers";
import { Loading } from "~/ui/Loading";
import { paramsOf, type Period, type Step, stepOf } from "~/ui/period";

import classes from "./UsageCharts.module.css";

interface Props {
  usage: Usage;
  period: Period;
  /** The path of the calls that a column opens; without it, none does. */
  calls?: string;
  /** The filters that narrow these calls down: to a user, or to a team. */
  filters?: Record<string, string>;
}

const PLACES: Readonly<Record<Step, string>> = { hour: "Hour", day: "Day", month: "Month" };

/** Cost and tokens by day and model; by hour where the period is one day, by month where it is long. */
export function UsageCharts({ usage, period, calls, filters = {} }: Props) {
  const colorOf = useModelColors();
  const zone = zoneNote(useClock());
  const { columns } = usage;
  // Whoever shows these says what went wrong.
  if (columns === undefined) return usage.error === null ? <Loading height={300} /> : null;
  const models = [...new Set(columns.flatMap(({ rows }) => rows.map((row) => row.model ?? "")))].sort();
  const parts = partsOf(models, colorOf);
  const step = stepOf(period);
  const place = `${PLACES[step]}${zone}`;
  const rowsOf = (valueOf: (row: SummaryRow) => number) => columns.map((column) => chartRow(column, parts, valueOf, calls, filters));
  const shared = { kind: "columns", series: parts, place, empty: models.length === 0 ? <Text c="dimmed">Nothing was used in this time.</Text> : null } as const;
  return (
    <div className={classes["charts"]}>
      <Chart {...shared} title={`Cost by ${step}${zone} and model`} rows={rowsOf((row) => approximate(row.cost_usd))} write={usdTick} />
      <Chart {...shared} title={`Tokens by ${step}${zone} and model`} rows={rowsOf((row) => row.total_tokens)} write={compact} />
    </div>
  );
}

/** A series of the charts: one model, or several that have no colour of their own. */
interface Part extends Series {
  models: readonly string[];
}

function partsOf(models: readonly string[], colorOf: ModelColors): Part[] {
  const others = models.filter((model) => model !== "" && colorOf(model) === OTHER);
  const own = models.filter((model) => others.length < 2 || !others.includes(model));
  const parts = own.map((model) =>
    model === "" ? { name: "corrections", color: "var(--text-quiet)", models: [model] } : { name: model, color: colorOf(model), models: [model] },
  );
  return others.length < 2 ? parts : [...parts, { name: `${others.length} other models`, color: OTHER, models: others }];
}

function chartRow(
  { rows, ...column }: UsageColumn,
  parts: readonly Part[],
  valueOf: (row: SummaryRow) => number,
  calls: string | undefined,
  filters: Record<string, string>,
): ChartRow {
  const values = parts.map(({ models }) => rows.filter(({ model }) => models.includes(model ?? "")).reduce((all, row) => all + valueOf(row), 0));
  const row = { id: column.from, label: column.label, values };
  if (calls === undefined) return row;
  const behind = (more: Record<string, string>) => `${calls}?${new URLSearchParams({ ...paramsOf(column), ...filters, ...more }).toString()}`;
  // Corrections, and models of one colour, have no filter of their own: they open the whole column.
  return { ...row, to: behind({}), parts: parts.map(({ models: [model = "", ...more] }) => behind(model === "" || more.length > 0 ? {} : { model })) };
}
