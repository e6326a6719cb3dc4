import { Anchor, Text, Tooltip } from "@mantine/core";
import { IconPhoto, IconPhotoOff, IconQuestionMark } from "@tabler/icons-react";
import { Link } from "react-router";

import { type Model, useAllModels, useSearched } from "~/parts/catalog";
import { type Column, DataTable, Pager } from "~/parts/DataTable";
import { Ago, Count } from "~/parts/figures";
import { count } from "~/parts/format";
import { ModelName } from "~/parts/ModelName";
import { Page, Panel } from "~/parts/Page";
import { SearchBox } from "~/parts/SearchBox";
import { Empty, Fault } from "~/parts/states";
import { UsdPerMillion } from "~/parts/UsdPerMillion";

import classes from "./Catalog.module.css";

/** Every model there is, wherever it runs. */
export function Component() {
  const { data, error, refetch } = useAllModels();
  const { found, shown, next } = useSearched(data, (model) => [model.name, model.upstream, ...model.aliases].join(" "));
  return (
    <Page title="Models" actions={<SearchBox label="Search models" />}>
      {error !== null ? (
        <Fault fault={error} again={() => void refetch()} />
      ) : (
        <Panel flush>
          <DataTable
            label="Models"
            columns={COLUMNS}
            rows={shown}
            rowKey={(model) => `${model.upstream} ${model.name}`}
            empty={data?.length === 0 ? <None /> : <Empty title="No model of that name" />}
          />
          {found !== undefined && found.length > 0 && <Pager next={next} shown={`${count(found.length)} ${found.length === 1 ? "model" : "models"}`} />}
        </Panel>
      )}
    </Page>
  );
}

function None() {
  return (
    <Empty title="No models">
      <Text size="sm" c="dimmed">
        No upstream has told of any. See under <Anchor component={Link} to="/admin/upstreams">Upstreams</Anchor> whether they can be
        reached.
      </Text>
    </Empty>
  );
}

const COLUMNS: Column<Model>[] = [
  { id: "name", label: "Model", cell: (model) => <Name of={model} /> },
  { id: "upstream", label: "Upstream", cell: (model) => model.upstream },
  { id: "images", label: "Images", cell: (model) => <Images seen={model.sees_images} /> },
  {
    id: "context",
    label: "Context",
    numeric: true,
    cell: (model) => (model.context === null ? <span className="unit">not known</span> : <Count value={model.context} of="tokens" />),
  },
  { id: "input", label: "Input per million", numeric: true, cell: (model) => <PriceOf model={model} output={false} /> },
  { id: "output", label: "Output per million", numeric: true, cell: (model) => <PriceOf model={model} output /> },
  { id: "modified", label: "Changed", from: 700, cell: (model) => <Ago at={model.modified_at} never="–" /> },
];

function Name({ of: { name, aliases } }: { of: Model }) {
  return (
    <span className={classes["name"]}>
      <ModelName name={name} />
      {aliases.length > 0 && (
        <span className={classes["aliases"]}>
          also {aliases.slice(0, MOST).join(", ")}
          {aliases.length > MOST && (
            <Tooltip label={aliases.slice(MOST).join(", ")}>
              <span> and {aliases.length - MOST} more</span>
            </Tooltip>
          )}
        </span>
      )}
    </span>
  );
}

const MOST = 2;

function Images({ seen }: { seen: boolean | null }) {
  const [Icon, word] = seen === null ? [IconQuestionMark, "not known"] : seen ? [IconPhoto, "sees them"] : [IconPhotoOff, "text only"];
  return (
    <span className={classes["images"]} data-known={seen !== null}>
      <Icon size={14} stroke={1.6} aria-hidden />
      {word}
    </span>
  );
}

function PriceOf({ model, output }: { model: Model; output: boolean }) {
  const { pricing } = model;
  if (pricing === null) {
    return output ? (
      <Anchor component={Link} to={`/admin/billing?add=${encodeURIComponent(model.name)}`} size="sm">
        Set a price
      </Anchor>
    ) : (
      <span className="unit">none</span>
    );
  }
  return <UsdPerMillion usd={output ? pricing.output_usd_per_mtok : pricing.input_usd_per_mtok} />;
}
