import { Button, Text } from "@mantine/core";
import { IconAlertTriangle, IconPlus } from "@tabler/icons-react";
import { useParams } from "react-router";

import { AddPrice } from "~/parts/AddPrice";
import { isPattern, type Model, type Price, useAllModels, useAllPrices, useSearched } from "~/parts/catalog";
import { type Column, DataTable, Pager } from "~/parts/DataTable";
import { Ago } from "~/parts/figures";
import { count } from "~/parts/format";
import { Page, Panel } from "~/parts/Page";
import { useFilter } from "~/parts/period";
import { PriceHistory } from "~/parts/PriceHistory";
import { SearchBox } from "~/parts/SearchBox";
import { Empty, Fault } from "~/parts/states";
import { UsdPerMillion } from "~/parts/UsdPerMillion";

import classes from "./Catalog.module.css";

/** What tokens cost: now, before, and from when on. */
export function Component() {
  const { model } = useParams();
  const [adding, setAdding] = useFilter("add");
  const prices = useAllPrices();
  const models = useAllModels();
  const { found, shown, next } = useSearched(prices.data, (price) => price.model);
  const fault = prices.error ?? models.error;
  return (
    <Page
      title="Billing"
      actions={
        <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAdding(model ?? NEW)}>
          Add a price
        </Button>
      }
    >
      {fault !== null && <Fault fault={fault} again={() => void Promise.all([prices.refetch(), models.refetch()])} />}
      <Unpriced models={models.data ?? []} onAdd={setAdding} />
      <Panel title="Prices in force, per million tokens" flush actions={<SearchBox label="Search prices" />}>
        {fault === null && (
          <DataTable
            label="Prices in force"
            columns={columnsOf(models.data ?? [])}
            rows={shown}
            rowKey={(price) => price.model}
            to={(price) => `/admin/billing/${encodeURIComponent(price.model)}`}
            selected={model}
            empty={prices.data?.length === 0 ? <None /> : <Empty title="No price of that name" />}
          />
        )}
        {found !== undefined && found.length > 0 && <Pager next={next} shown={`${count(found.length)} ${found.length === 1 ? "price" : "prices"}`} />}
      </Panel>
      {/* One at a time, so that Esc leads back from the one to the other. */}
      {model !== undefined && adding === "" && <PriceHistory model={model} onAdd={() => setAdding(model)} />}
      {adding !== "" && <AddPrice model={adding === NEW ? "" : adding} onClose={() => setAdding("")} />}
    </Page>
  );
}

/** In the URL, that a price is being added to a model still to be named; no model is called so. */
const NEW = " ";

function None() {
  return (
    <Empty title="No prices yet">
      <Text size="sm" c="dimmed">
        Until a model has a price its calls cost nothing. Add one for a model, or for all whose names begin alike: “gpt-4o*”.
      </Text>
    </Empty>
  );
}

function Unpriced({ models, onAdd }: { models: readonly Model[]; onAdd: (model: string) => void }) {
  const names = models.filter(({ pricing }) => pricing === null).map(({ name }) => name);
  if (names.length === 0) return null;
  return (
    <div className={classes["unpriced"]} role="note">
      <IconAlertTriangle size={18} aria-label="Attention" />
      <p>
        {names.length === 1 ? "One model has" : `${count(names.length)} models have`} no price: calls to {names.length === 1 ? "it" : "them"} cost
        nothing, and count towards no limit on cost.
      </p>
      <span className={classes["names"]}>
        {names.slice(0, NAMED).map((name) => (
          <Button key={name} variant="default" size="compact-xs" onClick={() => onAdd(name)} aria-label={`Set a price for ${name}`}>
            {name}
          </Button>
        ))}
        {names.length > NAMED && <Text size="sm">and {count(names.length - NAMED)} more</Text>}
      </span>
    </div>
  );
}

const NAMED = 8;

function columnsOf(models: readonly Model[]): Column<Price>[] {
  const servedBy = (id: number) => models.filter(({ pricing }) => pricing?.id === id).map(({ name }) => name);
  return [
    {
      id: "model",
      label: "Model or pattern",
      cell: ({ model }) => (
        <>
          <span className={classes["model"]} title={model}>
            {model}
          </span>
          {isPattern(model) && <span className={classes["badge"]}>pattern</span>}
        </>
      ),
    },
    { id: "input", label: "Input", numeric: true, cell: (price) => <UsdPerMillion usd={price.input_usd_per_mtok} /> },
    { id: "output", label: "Output", numeric: true, cell: (price) => <UsdPerMillion usd={price.output_usd_per_mtok} /> },
    { id: "cached", label: "From cache", numeric: true, from: 700, cell: (price) => <UsdPerMillion usd={price.cached_input_usd_per_mtok} /> },
    { id: "write", label: "Kept in cache", numeric: true, from: 700, cell: (price) => <UsdPerMillion usd={price.cache_write_usd_per_mtok} /> },
    { id: "since", label: "Since", from: 700, cell: (price) => <Ago at={price.effective_at} /> },
    { id: "served", label: "Models it counts for", from: 700, cell: (price) => <Served names={servedBy(price.id)} /> },
  ];
}

function Served({ names }: { names: readonly string[] }) {
  if (names.length === 0) return <span className="unit">none there is now</span>;
  return (
    <>
      {names[0]}
      {names.length > 1 && <span className="unit"> and {names.length - 1} more</span>}
    </>
  );
}
