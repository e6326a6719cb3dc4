import { Button, CloseButton } from "@mantine/core";

import { PersonName } from "~/features/endUsers/PersonName";
import { AddFilter } from "~/features/explorer/AddFilter";
import type { Asked } from "~/features/explorer/explorer";
import { clearFilters } from "~/features/explorer/links";
import { type Filter, filterWords, widen } from "~/features/explorer/question";
import { KeyName } from "~/features/keys/KeyName";
import { Name } from "~/ui/Name";
import { useChangeParams } from "~/ui/urlState";

import classes from "./Explorer.module.css";

/** The filters, each of which can be taken away, and a way to add one. */
export function FilterChips({ asked }: { asked: Asked }) {
  const changeParams = useChangeParams();
  const { filters } = asked.question;
  return (
    <div className={classes["filters"]} role="group" aria-label="Filters">
      {filters.map((filter) => (
        <Chip key={filter.by} filter={filter} onRemove={() => changeParams((next) => widen(next, filter))} />
      ))}
      <AddFilter asked={asked} />
      {filters.length > 1 && (
        <Button
          variant="subtle"
          color="gray"
          onClick={() => changeParams((next) => clearFilters(next, asked.question))}
        >
          Clear the filters
        </Button>
      )}
    </div>
  );
}

function Chip({ filter, onRemove }: { filter: Filter; onRemove: () => void }) {
  const { label, value } = filterWords(filter);
  return (
    <span className={classes["chip"]}>
      <span className="unit">{label}</span>
      <FilterValue filter={filter} words={value} />
      <CloseButton size="xs" aria-label={`Any ${label.toLowerCase()}`} onClick={onRemove} />
    </span>
  );
}

/** A key and a person by what people call them. */
function FilterValue({ filter: { by, value }, words }: { filter: Filter; words: string }) {
  if (by === "key") return <KeyName id={value} />;
  return by === "end_user" && value !== "" ? <PersonName id={value} /> : <Name text={words} />;
}
