import { Text } from "@mantine/core";

import type { ChartRow, Series } from "~/parts/chart";
import { Chart } from "~/parts/Chart";
import { cents, compact, roughly, utcDay } from "~/parts/format";
import { useModelColors } from "~/parts/modelColor";
import { Columns } from "~/parts/Page";
import { daysOf, hoursOf, type Period } from "~/parts/period";
import { Loading } from "~/parts/states";
import { isOneDay, type SummaryRow, type Usage } from "~/parts/usage";

interface Props {
  usage: Usage;
  period: Period;
  /** The page of the calls behind a column. */
  calls: string;
  /** Of whom, where that page would show everyone's. */
  user?: string;
}

/** Cost and tokens by day (or hour) and model. */
export function UsageCharts({ usage, period, calls, user }: Props) {
  const colorOf = useModelColors();
  const { data } = usage;
  if (data === undefined) return <Loading height={300} />;
  const rows = data.data;
  const models = [...new Set(rows.map((row) => row.model ?? ""))].sort();
  const series: Series[] = models.map((model) => ({ name: model === "" ? "corrections" : model, color: model === "" ? "var(--text-quiet)" : colorOf(model) }));
  const byHour = isOneDay(period);
  const empty = rows.length === 0 ? <Text c="dimmed">Nothing was used in this time.</Text> : null;
  const drawn = (valueOf: (row: SummaryRow) => number): ChartRow[] => places(rows, models, period, { byHour, calls, user }, valueOf);
  const place = byHour ? "Hour (UTC)" : "Day (UTC)";
  return (
    <Columns>
      <Chart
        title={byHour ? "Cost by hour (UTC) and model" : "Cost by day (UTC) and model"}
        kind="columns"
        series={series}
        rows={drawn((row) => roughly(row.cost_usd))}
        write={(value) => usdTick(value)}
        place={place}
        empty={empty}
      />
      <Chart
        title={byHour ? "Tokens by hour (UTC) and model" : "Tokens by day (UTC) and model"}
        kind="columns"
        series={series}
        rows={drawn((row) => row.total_tokens)}
        write={(value) => compact(value).join(" ").trim()}
        place={place}
        empty={empty}
      />
    </Columns>
  );
}

/** An amount on an axis or in a tip: to the cent, and further where it is less. */
export function usdTick(value: number): string {
  return value === 0 ? "$0" : cents(value.toFixed(9));
}

interface Behind {
  byHour: boolean;
  calls: string;
  user: string | undefined;
}

function places(
  rows: readonly SummaryRow[],
  models: readonly string[],
  period: Period,
  { byHour, calls, user }: Behind,
  valueOf: (row: SummaryRow) => number,
): ChartRow[] {
  const found = new Map<string, number>();
  for (const row of rows) found.set(`${(byHour ? row.hour : row.day) ?? ""} ${row.model ?? ""}`, valueOf(row));
  const names = byHour ? hoursOf(period, new Date()) : daysOf(period, new Date());
  return names.map((name) => {
    const day = name.slice(0, 10);
    const behind = new URLSearchParams({ period: "custom", from: day, to: day, ...(user === undefined ? {} : { user }) });
    return {
      id: name,
      label: byHour ? name.slice(11, 16) : utcDay(name),
      values: models.map((model) => found.get(`${name} ${model}`) ?? 0),
      to: `${calls}?${behind.toString()}`,
    };
  });
}
