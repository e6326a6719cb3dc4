import { Button, CloseButton } from "@mantine/core";

import { AddFilter } from "~/features/explorer/AddFilter";
import type { Asked } from "~/features/explorer/explorer";
import { KeyName } from "~/features/explorer/KeyName";
import { clearFilters } from "~/features/explorer/links";
import { type Filter, filterWords, widen } from "~/features/explorer/question";
import { useChangeParams } from "~/ui/urlState";

import classes from "./Explorer.module.css";

/** The filters, each of which can be taken away, and a way to add one. */
export function FilterChips({ asked }: { asked: Asked }) {
  const changeParams = useChangeParams();
  const { filters } = asked.question;
  return (
    <div className={classes["filters"]} role="group" aria-label="Filters">
      {filters.map((filter) => (
        <Chip key={filter.by} filter={filter} asked={asked} onRemove={() => changeParams((next) => widen(next, filter))} />
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

function Chip({ filter, asked, onRemove }: { filter: Filter; asked: Asked; onRemove: () => void }) {
  const { label, value } = filterWords(filter);
  return (
    <span className={classes["chip"]}>
      <span className="unit">{label}</span>
      <span className={classes["value"]} title={value}>
        {filter.by === "key" ? <KeyName id={value} asked={asked} /> : value}
      </span>
      <CloseButton size="xs" aria-label={`Any ${label.toLowerCase()}`} onClick={onRemove} />
    </span>
  );
}
