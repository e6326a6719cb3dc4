import { Button, Text } from "@mantine/core";

import { kindLabel } from "~/features/upstreams/kinds";
import { UpstreamActions } from "~/features/upstreams/UpstreamActions";
import type { Upstream } from "~/features/upstreams/upstreams";
import { BreakerStatus, UpstreamStatus } from "~/features/upstreams/UpstreamStatus";
import { Count } from "~/ui/Count";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { count } from "~/ui/format/numbers";
import { Name } from "~/ui/Name";
import { Duration } from "~/ui/Times";

import classes from "./UpstreamsTable.module.css";

interface Props {
  upstreams: readonly Upstream[] | undefined;
  /** The upstream that is open beside the table. */
  selected: string | undefined;
  onAdd: () => void;
}

export function UpstreamsTable({ upstreams, selected, onAdd }: Props) {
  return (
    <DataTable
      label="Upstreams"
      columns={COLUMNS}
      rows={upstreams}
      rowKey={(upstream) => upstream.id}
      to={(upstream) => `/admin/upstreams/${encodeURIComponent(upstream.id)}`}
      isSelected={(upstream) => upstream.id === selected}
      empty={<None onAdd={onAdd} />}
    />
  );
}

function None({ onAdd }: { onAdd: () => void }) {
  return (
    <Empty title="No upstreams">
      <Text size="sm" c="dimmed">
        Nothing can be answered yet. An upstream is a machine that runs models, or an account at a provider.
      </Text>
      <div>
        <Button onClick={onAdd}>Add an upstream</Button>
      </div>
    </Empty>
  );
}

const COLUMNS: Column<Upstream>[] = [
  {
    id: "id",
    label: "Upstream",
    grow: 3,
    cell: ({ id, kind, base_url: url }) => (
      <span className={classes["name"]}>
        <Name text={id} />
        <span className={classes["address"]}>
          <Name text={`${kindLabel(kind)}, ${url}`} />
        </span>
      </span>
    ),
  },
  { id: "actions", label: "Actions", quiet: true, narrow: "beside", cell: (upstream) => <UpstreamActions upstream={upstream} /> },
  {
    id: "state",
    label: "State",
    grow: 3,
    wraps: true,
    narrow: "below",
    cell: ({ state, health }) => (
      <>
        <UpstreamStatus of={state === "active" ? health.state : state} />
        {health.error !== null && <span className={classes["error"]}>{health.error}</span>}
      </>
    ),
  },
  { id: "breaker", label: "Breaker", narrow: "named", cell: ({ health }) => <BreakerStatus of={health.breaker} /> },
  {
    id: "flight",
    label: "In flight",
    numeric: true,
    narrow: "named",
    cell: ({ health, slots }) => (
      <span className="num">
        {count(health.in_flight)} <span className="unit">{slots === 0 ? "no bound" : `of ${count(slots)}`}</span>
      </span>
    ),
  },
  { id: "line", label: "In line", numeric: true, from: 900, narrow: "named", cell: ({ health }) => <Count value={health.queued} of="requests" /> },
  { id: "latency", label: "Latency", numeric: true, from: 900, narrow: "named", cell: ({ health }) => <Duration ms={health.latency_ms} /> },
  { id: "models", label: "Models", numeric: true, narrow: "named", cell: ({ model_count: models }) => <Count value={models} of="models" /> },
  {
    id: "loaded",
    label: "Loaded",
    grow: 1,
    from: 1000,
    narrow: "named",
    cell: ({ health: { loaded_models: loaded } }) =>
      loaded.length === 0 ? (
        <span className="unit">–</span>
      ) : (
        <Name text={loaded.join(", ")} />
      ),
  },
];
