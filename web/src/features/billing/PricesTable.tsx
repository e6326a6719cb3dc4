import { Badge, Text } from "@mantine/core";

import { isPattern, type Price, priceKey } from "~/features/billing/prices";
import { UsdPerMillion } from "~/features/billing/UsdPerMillion";
import type { Model } from "~/features/models/models";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { count } from "~/ui/format/numbers";
import { Name } from "~/ui/Name";
import { RelativeTime } from "~/ui/Times";
import { usePagedSearch } from "~/ui/usePagedSearch";

interface Props {
  prices: readonly Price[] | undefined;
  models: readonly Model[];
  /** The model whose prices are open beside the table. */
  selected: string | undefined;
}

/** The prices in force, as the URL searches and pages them. */
export function PricesTable({ prices, models, selected }: Props) {
  const { found, shown, next } = usePagedSearch(prices, (price) => [price.model, price.upstream, price.tier].join(" "));
  return (
    <>
      <DataTable
        label="Prices in force"
        columns={columnsOf(prices ?? [], models)}
        rows={shown}
        rowKey={priceKey}
        to={(price) => `/admin/billing/${encodeURIComponent(price.model)}`}
        isSelected={(price) => price.model === selected}
        empty={prices?.length === 0 ? <None /> : <Empty title="No price of that name" />}
      />
      {found !== undefined && found.length > 0 && <Pager next={next} shown={`${count(found.length)} ${found.length === 1 ? "price" : "prices"}`} />}
    </>
  );
}

function None() {
  return (
    <Empty title="No prices yet">
      <Text size="sm" c="dimmed">
        Until a model has a price its calls cost nothing. Add one for a model, or for all whose names begin alike: “gpt-4o*”.
      </Text>
    </Empty>
  );
}

/** What only some prices have is a column only where there are such prices. */
function columnsOf(prices: readonly Price[], models: readonly Model[]): Column<Price>[] {
  const servedBy = (id: number) => models.filter(({ pricing }) => pricing?.id === id).map(({ name }) => name);
  return [
    {
      id: "model",
      label: "Model or pattern",
      grow: 3,
      cell: ({ model }) => <Name text={model} tail={14} aside={isPattern(model) && <Badge color="gray">pattern</Badge>} />,
    },
    ...SCOPES.filter(({ of }) => prices.some((price) => price[of] !== null)).map(
      ({ of, ...column }): Column<Price> => ({ ...column, id: of, narrow: "named", cell: (price) => <Scope value={price[of]} /> }),
    ),
    { id: "input", label: "Input", numeric: true, narrow: "named", cell: (price) => <UsdPerMillion usd={price.input_usd_per_mtok} /> },
    { id: "output", label: "Output", numeric: true, narrow: "named", cell: (price) => <UsdPerMillion usd={price.output_usd_per_mtok} /> },
    { id: "cached", label: "From cache", numeric: true, from: 900, narrow: "named", cell: (price) => <UsdPerMillion usd={price.cached_input_usd_per_mtok} /> },
    { id: "write", label: "Kept in cache", numeric: true, from: 900, narrow: "named", cell: (price) => <UsdPerMillion usd={price.cache_write_usd_per_mtok} /> },
    { id: "since", label: "Since", narrow: "named", cell: (price) => <RelativeTime at={price.effective_at} /> },
    { id: "served", label: "Models it counts for", grow: 2, narrow: "named", cell: (price) => <Served names={servedBy(price.id)} /> },
  ];
}

const SCOPES = [
  { of: "upstream", label: "At upstream" },
  { of: "tier", label: "Of tier" },
  { of: "above_input_tokens", label: "Above input tokens", numeric: true },
] as const;

function Scope({ value }: { value: string | number | null }) {
  if (value === null) return <span className="unit">any</span>;
  return typeof value === "number" ? <span className="num">{count(value)}</span> : <>{value}</>;
}

function Served({ names }: { names: readonly string[] }) {
  if (names.length === 0) return <span className="unit">none there is now</span>;
  return <Name text={names.join(", ")} />;
}
