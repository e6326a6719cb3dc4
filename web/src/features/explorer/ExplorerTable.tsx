import { Button, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";

import type { Asked, Row, Summary } from "~/features/explorer/explorer";
import { type Figure, FIGURE_NAMES, figureRow, type Figures } from "~/features/explorer/figures";
import { canFilter, type Group, groupLabel, rowWords, valueOf } from "~/features/explorer/groups";
import { clearFilters, csvHref, drillTarget, figureTarget } from "~/features/explorer/links";
import { ChangeOf, Value } from "~/features/explorer/Value";
import { ModelName } from "~/features/models/ModelName";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { mostPlaces } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { useChangeParams } from "~/ui/urlState";

import classes from "./Explorer.module.css";

/** A label within a sentence: "Day (UTC)" is "day (UTC)". */
function inSentence(label: string): string {
  return label.charAt(0).toLowerCase() + label.slice(1);
}

/** The groups and their figures: each group leads further down, each count to what was counted. */
export function ExplorerTable({ asked, found }: { asked: Asked; found: Summary | undefined }) {
  const changeParams = useChangeParams();
  const { question } = asked;
  const sortBy = (by: string) => {
    const largestFirst = question.sort?.by !== by || question.sort.order === "asc";
    changeParams((next) => {
      for (const old of ["after", "figure"]) next.delete(old);
      next.set("order_by", `${largestFirst ? "-" : ""}${by}`);
    });
  };
  const csv = (
    <Button component="a" href={csvHref(asked)} download variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
      CSV
    </Button>
  );
  return (
    <Panel title={`By ${question.groups.map((group) => inSentence(groupLabel(group))).join(" and ")}`} actions={csv} flush>
      <DataTable
        label="Usage by group"
        columns={columnsOf(asked, found)}
        rows={found?.data}
        rowKey={(row) => JSON.stringify(question.groups.map((group) => valueOf(row, group)))}
        sort={{ by: question.sort?.by ?? "", order: question.sort?.order ?? "", onSort: sortBy }}
        empty={<Nothing asked={asked} />}
      />
      {found !== undefined && found.data.length > 0 && (
        <Pager next={found.next} shown={`${count(found.data.length)} ${found.data.length === 1 ? "group" : "groups"}${found.has_more || question.after !== null ? " on this page" : ""}`} />
      )}
    </Panel>
  );
}

function columnsOf(asked: Asked, found: Summary | undefined): Column<Row>[] {
  const places = mostPlaces(found?.data.map(({ cost_usd: cost }) => cost));
  const groups = asked.question.groups.map((group, at): Column<Row> => ({
    id: group,
    label: groupLabel(group),
    cell: (row) => <GroupCell asked={asked} group={group} row={row} />,
    ...(at > 0 && { narrow: "below" }),
  }));
  return [...groups, ...FIGURE_NAMES.filter((name) => isShown(name, found?.total)).map((name) => columnOf(asked, name, places))];
}

/** Figures that everything in the period lacks need no column. */
function isShown(name: Figure, total: Figures | undefined): boolean {
  const { rare, read } = figureRow(name);
  if (total === undefined) return rare !== true;
  const value = read(total);
  return name === "refused" ? value !== null : rare !== true || value !== 0;
}

function columnOf(asked: Asked, name: Figure, places: number): Column<Row> {
  const { label, wide } = figureRow(name);
  return {
    id: name,
    label,
    numeric: true,
    sort: name,
    ...(wide === true ? { from: 700 } : { narrow: name === "cost_usd" ? "beside" : "named" }),
    cell: (row) => <FigureCell asked={asked} name={name} row={row} places={places} />,
  };
}

function GroupCell({ asked, group, row }: { asked: Asked; group: Group; row: Row }) {
  const value = valueOf(row, group);
  const shown = group === "model" && value !== "" ? <ModelName name={value} /> : <Name text={rowWords(row, group)} />;
  if (!canFilter(group, value)) return <span className={`${classes["name"] ?? ""} unit`}>{shown}</span>;
  return (
    <Link to={drillTarget(asked, group, value)} className={classes["name"] ?? ""}>
      {shown}
    </Link>
  );
}

/** A figure over its change; `places` are the decimal places of amounts. */
function FigureCell({ asked, name, row, places }: { asked: Asked; name: Figure; row: Row; places: number }) {
  const target = figureTarget(asked, name, row);
  const value = <Value name={name} of={row} places={places} />;
  return (
    <span className={classes["figure"]}>
      {target === null ? value : <FigureLink to={target}>{value}</FigureLink>}
      <ChangeOf name={name} of={row} />
    </span>
  );
}

function FigureLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link to={to} className={classes["behind"] ?? ""}>
      {children}
    </Link>
  );
}

function Nothing({ asked }: { asked: Asked }) {
  const changeParams = useChangeParams();
  const filtered = asked.question.filters.length > 0;
  return (
    <Empty title={filtered ? "Nothing matches" : "Nothing was used in this time"}>
      <Text size="sm" c="dimmed">
        {filtered ? "No request of this period has all that the filters ask for." : "Choose another period, at the top of the page."}
      </Text>
      {filtered && (
        <Button variant="default" w="fit-content" onClick={() => changeParams((next) => clearFilters(next, asked.question))}>
          Clear the filters
        </Button>
      )}
    </Empty>
  );
}
