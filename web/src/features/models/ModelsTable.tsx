import { Anchor, Button, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { ModelName } from "~/features/models/ModelName";
import type { Model } from "~/features/models/models";
import { InMemory, PinState } from "~/features/models/ModelState";
import { buildOf, sizeOf } from "~/features/models/places";
import { Bytes } from "~/ui/Bytes";
import { Count } from "~/ui/Count";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { exactUsd } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { Name } from "~/ui/Name";
import { RelativeTime } from "~/ui/Times";
import { usePagedSearch } from "~/ui/usePagedSearch";

import classes from "./ModelsTable.module.css";

interface Props {
  models: readonly Model[] | undefined;
  /** The model that is open beside the table. */
  selected: string | undefined;
  /** What can be done with a model. */
  actions: (model: Model) => ReactNode;
  onPull: () => void;
}

/** Models, as the URL searches and pages them. */
export function ModelsTable({ models, selected, actions, onPull }: Props) {
  const { found, shown, next } = usePagedSearch(models, (model) =>
    [model.name, ...model.upstreams, ...model.aliases, ...model.places.map(buildOf)].join(" "),
  );
  const [name, ...rest] = COLUMNS;
  return (
    <>
      <DataTable
        label="Models"
        columns={[name, { id: "actions", label: "Actions", quiet: true, narrow: "beside", cell: actions }, ...rest]}
        rows={shown}
        rowKey={(model) => model.name}
        to={(model) => `/admin/models/${encodeURIComponent(model.name)}`}
        isSelected={(model) => model.name === selected}
        empty={models?.length === 0 ? <None onPull={onPull} /> : <Empty title="No model of that name" />}
      />
      {found !== undefined && found.length > 0 && <Pager next={next} shown={`${count(found.length)} ${found.length === 1 ? "model" : "models"}`} />}
    </>
  );
}

function None({ onPull }: { onPull: () => void }) {
  return (
    <Empty title="No models">
      <Text size="sm" c="dimmed">
        No upstream has reported any. See under <Anchor component={Link} to="/admin/upstreams">Upstreams</Anchor> whether they can be
        reached, or pull a model at an Ollama.
      </Text>
      <div>
        <Button onClick={onPull}>Pull a model</Button>
      </div>
    </Empty>
  );
}

const COLUMNS: [Column<Model>, ...Column<Model>[]] = [
  { id: "name", label: "Model", grow: 3, cell: (model) => <Named of={model} /> },
  {
    id: "upstream",
    label: "Upstream",
    grow: 2,
    narrow: "below",
    cell: ({ upstreams }) => <Name text={upstreams.join(", ")} />,
  },
  { id: "size", label: "Size", numeric: true, from: 900, narrow: "named", cell: (model) => <Size of={model} /> },
  { id: "memory", label: "In memory", narrow: "named", cell: (model) => <InMemory of={model} /> },
  { id: "pin", label: "Pinned", from: 1000, narrow: "named", cell: (model) => <PinState of={model} /> },
  {
    id: "context",
    label: "Context",
    numeric: true,
    from: 1100,
    narrow: "named",
    cell: (model) => (model.context === null ? <span className="unit">not known</span> : <Count value={model.context} of="tokens" />),
  },
  { id: "price", label: "Price per million\nin, out", numeric: true, narrow: "named", cell: (model) => <PriceOf model={model} /> },
  {
    id: "requests",
    label: "Requests\nthis month (UTC)",
    numeric: true,
    narrow: "named",
    cell: ({ requests_this_month: requests }) => <Count value={requests} of="requests" />,
  },
  { id: "used", label: "Last used", from: 900, narrow: "named", cell: (model) => <RelativeTime at={model.last_used_at} /> },
];

function Named({ of: { name, aliases, places } }: { of: Model }) {
  const build = places.map(buildOf).find((text) => text !== "");
  return (
    <span className={classes["name"]}>
      <ModelName name={name} />
      {build !== undefined && <span className={classes["aliases"]}>{build}</span>}
      {aliases.length > 0 && (
        <span className={classes["aliases"]}>
          <Name text={`also ${aliases.join(", ")}`} />
        </span>
      )}
    </span>
  );
}

function Size({ of: model }: { of: Model }) {
  const size = sizeOf(model);
  return size === null ? <span className="unit">–</span> : <Bytes value={size} />;
}

function PriceOf({ model: { name, pricing } }: { model: Model }) {
  if (pricing === null) {
    return (
      <Anchor component={Link} to={`/admin/billing?add=${encodeURIComponent(name)}`} size="sm">
        Set a price
      </Anchor>
    );
  }
  return (
    <span className="num">
      {exactUsd(pricing.input_usd_per_mtok)}, {exactUsd(pricing.output_usd_per_mtok)}
    </span>
  );
}
