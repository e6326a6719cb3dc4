import { Button, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";

import { isPattern, scopeWords, statesOf, useHistory, type VersionState } from "~/features/billing/prices";
import { UsdPerMillion } from "~/features/billing/UsdPerMillion";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { Timestamp } from "~/ui/Times";

import classes from "./Prices.module.css";

/** All versions of a price. A version is never edited, only followed by a later one. */
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
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : data === undefined ? (
        <Loading height={240} />
      ) : (
        <ol className={classes["versions"]}>
          {data.map((price) => (
            <li key={price.id} className={classes["version"]} data-state={states.get(price.id)}>
              <div className={classes["versionHead"]}>
                <span>
                  {scopeWords(price)} from <Timestamp at={price.effective_at} />
                </span>
                <span className={classes["state"]}>{STATE_WORDS[states.get(price.id) ?? "past"]}</span>
              </div>
              <dl className={classes["figures"]}>
                <Figure name="Input" usd={price.input_usd_per_mtok} />
                <Figure name="Output" usd={price.output_usd_per_mtok} />
                <Figure name="From cache" usd={price.cached_input_usd_per_mtok} />
                <Figure name="Kept in cache" usd={price.cache_write_usd_per_mtok} />
                <Figure name="Kept for an hour" usd={price.cache_write_1h_usd_per_mtok} />
                {UNITS.map(([name, field]) => price[field] !== null && <Figure key={field} name={name} usd={price[field]} />)}
              </dl>
              <p className={classes["made"]}>
                version {price.id}, made <Timestamp at={price.created_at} />
                {price.seeded && ", from the provider's list"}
              </p>
            </li>
          ))}
        </ol>
      )}
    </SidePanel>
  );
}

const UNITS = [
  ["Each request", "usd_per_request"],
  ["Each image", "usd_per_image"],
  ["A minute of audio", "audio_usd_per_minute"],
  ["A million characters", "speech_usd_per_mchar"],
] as const;

const STATE_WORDS: Readonly<Record<VersionState, string>> = { "in force": "in force", "to come": "to come", past: "superseded" };

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
