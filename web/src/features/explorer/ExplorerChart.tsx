import { Select, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { chartOf, type Place, placesOf, rankColor } from "~/features/explorer/chart";
import { type Asked, useTimeline } from "~/features/explorer/explorer";
import { FIGURE_NAMES, figureRow, isFigure, writerOf } from "~/features/explorer/figures";
import { type Group, groupLabel, unitLabel } from "~/features/explorer/groups";
import { drillTarget, partTarget } from "~/features/explorer/links";
import { useModelColors } from "~/features/models/colors";
import { Chart } from "~/ui/chart/Chart";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { Panel } from "~/ui/Panel";
import { useChangeParams } from "~/ui/urlState";

import classes from "./Explorer.module.css";

const FIGURE_CHOICES = FIGURE_NAMES.map((name) => ({ value: name, label: figureRow(name).label }));
const HEIGHT = 220;

/** One figure by time, of the groups that have most of it. A click on a column narrows the period to it; one on a part of it asks for that
 * group, too. */
export function ExplorerChart({ asked }: { asked: Asked }) {
  const { data, error } = useTimeline(asked);
  const modelColor = useModelColors();
  const changeParams = useChangeParams();
  const { figure } = asked.question;
  const picker = (
    <Select
      className={classes["choice"] ?? ""}
      size="xs"
      aria-label="Figure of the chart"
      allowDeselect={false}
      data={FIGURE_CHOICES}
      value={figure}
      onChange={(chosen) => chosen !== null && isFigure(chosen) && changeParams((next) => next.set("figure", chosen))}
    />
  );
  const instead = (content: ReactNode) => (
    <Panel title={figureRow(figure).label} actions={picker}>
      {content}
    </Panel>
  );
  if (error !== null) return instead(<ErrorMessage error={error} />);
  if (data === undefined) return instead(<Loading height={HEIGHT} />);
  const { unit, group, top } = data;
  const colorOf = (of: Group, value: string, rank: number) => (of === "model" ? modelColor(value) : rankColor(rank));
  const targetsOf = ({ name }: Place) => ({
    to: drillTarget(asked, unit, name),
    parts: group === null ? [] : top.map(({ value }) => partTarget(asked, unit, name, group, value)),
  });
  const chart = chartOf(data, figure, placesOf(unit, asked.period, new Date()), colorOf, targetsOf);
  return (
    <Chart
      title={`${figureRow(figure).label} by ${unit} (UTC)${group === null ? "" : ` and ${groupLabel(group).toLowerCase()}`}`}
      place={unitLabel(unit)}
      actions={picker}
      kind={chart.kind}
      series={chart.series}
      rows={chart.rows}
      write={writerOf(figure)}
      height={HEIGHT}
      empty={data.all.length === 0 ? <Text c="dimmed">Nothing was used in this time.</Text> : null}
    />
  );
}
