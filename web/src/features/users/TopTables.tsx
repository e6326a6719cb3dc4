import { Anchor } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { explorerPath } from "~/features/explorer/links";
import { useModelColors } from "~/features/models/colors";
import { type Top, topModels } from "~/features/usage/top";
import type { Usage } from "~/features/usage/usage";
import { useTopUsers } from "~/features/users/users";
import { Count } from "~/ui/Count";
import { type Column, DataTable } from "~/ui/DataTable";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { FadeOnChange } from "~/ui/FadeOnChange";
import { cents, mostPlaces } from "~/ui/format/money";
import { compact } from "~/ui/format/numbers";
import { Loading } from "~/ui/Loading";
import { Money } from "~/ui/Money";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import type { Period } from "~/ui/period";

import classes from "./TopTables.module.css";

/** The users and models that cost most in a period. */
export function TopTables({ usage, period }: { usage: Usage; period: Period }) {
  const colorOf = useModelColors();
  const users = useTopUsers(period);
  return (
    <>
      <TopPanel
        title="Top users"
        group="user"
        period={period}
        rows={users.data}
        error={users.error}
        name={(user) => <Name text={user} />}
        to={(user) => `/admin/users/${encodeURIComponent(user)}`}
        head="User"
        nobody="Nobody has sent a request in this time."
      />
      {/* Whoever shows these says what went wrong with the usage. */}
      {(usage.data !== undefined || usage.error === null) && (
        <TopPanel
          title="Top models"
          group="model"
          period={period}
          rows={usage.data && topModels(usage.data.data)}
          error={null}
          name={(model) => (
            <>
              <span className={classes["dot"]} style={{ background: colorOf(model) }} />
              <Name text={model} tail={14} />
            </>
          )}
          head="Model"
          nobody="No model was used in this time."
        />
      )}
    </>
  );
}

interface TopProps {
  title: string;
  head: string;
  /** The group in the explorer that has all of them. */
  group: "user" | "model";
  period: Period;
  rows: readonly Top[] | undefined;
  error: Error | null;
  name: (id: string) => ReactNode;
  /** The page of one; without it, what was used of it. */
  to?: (id: string) => string;
  nobody: string;
}

function TopPanel({ title, head, group, period, rows, error, name, to, nobody }: TopProps) {
  const places = mostPlaces(rows?.map((row) => row.cost_usd));
  /** What one used, by the other group. */
  const used = (id: string) => explorerPath(true, group === "user" ? "model" : "user", [{ by: group, value: id }], period);
  const columns: Column<Top>[] = [
    {
      id: "name",
      label: head,
      grow: 1,
      cell: ({ id }) => (
        <Link to={to === undefined ? used(id) : to(id)} className={classes["named"] ?? ""}>
          {name(id)}
        </Link>
      ),
    },
    {
      id: "cost",
      label: "Spend",
      numeric: true,
      cell: (row) => (
        <Link to={used(row.id)} className={classes["figure"] ?? ""}>
          <FadeOnChange of={cents(row.cost_usd)}><Money usd={row.cost_usd} places={places} /></FadeOnChange>
          <span className="visually-hidden">: usage of {row.id}</span>
        </Link>
      ),
    },
    { id: "tokens", label: "Tokens", numeric: true, cell: (row) => <FadeOnChange of={compact(row.total_tokens)}><Count value={row.total_tokens} of="tokens" /></FadeOnChange> },
    { id: "requests", label: "Calls", numeric: true, cell: (row) => <FadeOnChange of={compact(row.requests)}><Count value={row.requests} of="requests" /></FadeOnChange> },
  ];
  const all = (
    <Anchor component={Link} to={explorerPath(true, group, [], period)} size="xs" underline="hover">
      {`All ${group}s`}
    </Anchor>
  );
  return (
    <Panel title={title} flush actions={all}>
      <div className={classes["list"]}>
        {rows !== undefined ? (
          <DataTable label={title} columns={columns} rows={rows} rowKey={({ id }) => id} empty={<p className={classes["nobody"]}>{nobody}</p>} />
        ) : error === null ? (
          <Loading height={236} />
        ) : (
          <ErrorMessage error={error} />
        )}
      </div>
    </Panel>
  );
}
