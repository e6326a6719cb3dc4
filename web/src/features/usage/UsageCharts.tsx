import { Text } from "@mantine/core";

import { useModelColors } from "~/features/models/colors";
import type { SummaryRow, Usage } from "~/features/usage/usage";
import { Chart } from "~/ui/chart/Chart";
import type { ChartRow, Series } from "~/ui/chart/geometry";
import { approximate, usdTick } from "~/ui/format/money";
import { compact } from "~/ui/format/numbers";
import { utcDay } from "~/ui/format/times";
import { Loading } from "~/ui/Loading";
import { daysOf, hoursOf, isOneDay, type Period } from "~/ui/period";

import classes from "./UsageCharts.module.css";

interface Props {
  usage: Usage;
  period: Period;
  /** The path of the calls that a column opens; without it, none does. */
  calls?: string;
  /** The filters that narrow these calls down: to a user, or to a team. */
  filters?: Record<string, string>;
}

/** Cost and tokens by day and model; by hour, where the period is one day. */
export function UsageCharts({ usage, period, calls, filters = {} }: Props) {
  const colorOf = useModelColors();
  const { data } = usage;
  // Whoever shows these says what went wrong.
  if (data === undefined) return usage.error === null ? <Loading height={300} /> : null;
  const rows = data.data;
  const models = [...new Set(rows.map((row) => row.model ?? ""))].sort();
  const series: Series[] = models.map((model) => ({ name: model === "" ? "corrections" : model, color: model === "" ? "var(--text-quiet)" : colorOf(model) }));
  const byHour = isOneDay(period);
  const empty = rows.length === 0 ? <Text c="dimmed">Nothing was used in this time.</Text> : null;
  const rowsOf = (valueOf: (row: SummaryRow) => number): ChartRow[] => places(rows, models, period, { byHour, calls, filters }, valueOf);
  const place = byHour ? "Hour (UTC)" : "Day (UTC)";
  return (
    <div className={classes["charts"]}>
      <Chart
        title={byHour ? "Cost by hour (UTC) and model" : "Cost by day (UTC) and model"}
        kind="columns"
        series={series}
        rows={rowsOf((row) => approximate(row.cost_usd))}
        write={usdTick}
        place={place}
        empty={empty}
      />
      <Chart
        title={byHour ? "Tokens by hour (UTC) and model" : "Tokens by day (UTC) and model"}
        kind="columns"
        series={series}
        rows={rowsOf((row) => row.total_tokens)}
        write={compact}
        place={place}
        empty={empty}
      />
    </div>
  );
}

/** What a column opens. */
interface Behind {
  byHour: boolean;
  calls: string | undefined;
  filters: Record<string, string>;
}

function places(
  rows: readonly SummaryRow[],
  models: readonly string[],
  period: Period,
  { byHour, calls, filters }: Behind,
  valueOf: (row: SummaryRow) => number,
): ChartRow[] {
  const found = new Map<string, number>();
  for (const row of rows) found.set(`${(byHour ? row.hour : row.day) ?? ""} ${row.model ?? ""}`, valueOf(row));
  const names = byHour ? hoursOf(period, new Date()) : daysOf(period, new Date());
  return names.map((name) => {
    const day = name.slice(0, 10);
    const behind = new URLSearchParams({ period: "custom", from: day, to: day, ...filters });
    return {
      id: name,
      label: byHour ? name.slice(11, 16) : utcDay(name),
      values: models.map((model) => found.get(`${name} ${model}`) ?? 0),
      ...(calls !== undefined && { to: `${calls}?${behind.toString()}` }),
    };
  });
}
