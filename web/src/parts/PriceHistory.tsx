import { Button, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";

import { isPattern, statesOf, type VersionState, useHistory } from "~/parts/catalog";
import { Moment } from "~/parts/figures";
import { SidePanel } from "~/parts/SidePanel";
import { Fault, Loading } from "~/parts/states";
import { UsdPerMillion } from "~/parts/UsdPerMillion";

import classes from "./Prices.module.css";

/** Every version of a price: they are never edited, only followed by a later one. */
export function PriceHistory({ model, onAdd }: { model: string; onAdd: () => void }) {
  const { data, error, refetch } = useHistory(model);
  const states = statesOf(data ?? [], new Date());
  return (
    <SidePanel title={model} back="/admin/billing">
      <div className={classes["intro"]}>
        <Text size="sm" c="dimmed">
          {isPattern(model) ? "For models whose names begin so, and have no price of their own. " : ""}Dollars per million tokens. A call costs by the
          version in force when it came in.
        </Text>
        <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={onAdd}>
          Add a version
        </Button>
      </div>
      {error !== null ? (
        <Fault fault={error} again={() => void refetch()} />
      ) : data === undefined ? (
        <Loading height={240} />
      ) : (
        <ol className={classes["versions"]}>
          {data.map((price) => (
            <li key={price.id} className={classes["version"]} data-state={states.get(price.id)}>
              <div className={classes["versionHead"]}>
                <span>
                  from <Moment at={price.effective_at} />
                </span>
                <span className={classes["state"]}>{WORDS[states.get(price.id) ?? "past"]}</span>
              </div>
              <dl className={classes["figures"]}>
                <Figure name="Input" usd={price.input_usd_per_mtok} />
                <Figure name="Output" usd={price.output_usd_per_mtok} />
                <Figure name="From cache" usd={price.cached_input_usd_per_mtok} />
                <Figure name="Kept in cache" usd={price.cache_write_usd_per_mtok} />
              </dl>
              <p className={classes["made"]}>
                version {price.id}, made <Moment at={price.created_at} />
              </p>
            </li>
          ))}
        </ol>
      )}
    </SidePanel>
  );
}

const WORDS: Readonly<Record<VersionState, string>> = { "in force": "in force", "to come": "to come", past: "superseded" };

function Figure({ name, usd }: { name: string; usd: string | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <UsdPerMillion usd={usd} />
      </dd>
    </div>
  );
}
