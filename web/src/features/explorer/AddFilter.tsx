import { Autocomplete, Button, Popover, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";

import { STATUSES } from "~/features/calls/calls";
import { type Asked, useTagNames, useValues } from "~/features/explorer/explorer";
import { type Dimension, dimensionsOf, groupLabel, tagGroup } from "~/features/explorer/groups";
import { narrow } from "~/features/explorer/question";
import { useChangeParams } from "~/ui/urlState";

import classes from "./Explorer.module.css";

const TAG = "tag";
const STATUS_CHOICES = Object.entries(STATUSES).map(([value, label]) => ({ value, label }));
/** The most suggestions at a time. */
const SUGGESTIONS = 50;
const SETTLE_MS = 200;

/** A button that opens a form with one more filter. */
export function AddFilter({ asked }: { asked: Asked }) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" trapFocus returnFocus transitionProps={{ duration: 100 }}>
      <Popover.Target>
        <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setOpened(!opened)}>
          Filter
        </Button>
      </Popover.Target>
      <Popover.Dropdown>{opened && <FilterForm asked={asked} close={() => setOpened(false)} />}</Popover.Dropdown>
    </Popover>
  );
}

function FilterForm({ asked, close }: { asked: Asked; close: () => void }) {
  const changeParams = useChangeParams();
  const dimensions = dimensionsOf(asked.admin);
  const [dimension, setDimension] = useState<Dimension | typeof TAG>(asked.admin ? "user" : "model");
  const [tag, setTag] = useState("");
  const [value, setValue] = useState("");
  const by = dimension === TAG ? tagGroup(tag.trim()) : dimension;
  const named = dimension !== TAG || tag.trim() !== "";
  // A tag's name is asked about when it is typed, not at each of its letters.
  const [settled] = useDebouncedValue(by, SETTLE_MS);
  const values = useValues(by, asked, named && settled === by);
  const names = useTagNames(asked, dimension === TAG);
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    changeParams((next) => narrow(next, by, valueOf(value.trim(), values)));
    close();
  };
  const inPlace = { comboboxProps: { withinPortal: false } };
  return (
    <form className={classes["form"]} onSubmit={submit}>
      <Select
        label="Filter by"
        size="xs"
        allowDeselect={false}
        data={[...dimensions.map((name) => ({ value: name, label: groupLabel(name) })), { value: TAG, label: "Tag" }]}
        value={dimension}
        onChange={(chosen) => {
          setDimension(chosen ?? dimension);
          setValue("");
        }}
        data-autofocus
        {...inPlace}
      />
      {dimension === TAG && <Autocomplete label="Name of the tag" size="xs" required data={names} value={tag} onChange={setTag} {...inPlace} />}
      {dimension === "status" ? (
        <Select label="Value" size="xs" required data={STATUS_CHOICES} value={value === "" ? null : value} onChange={(chosen) => setValue(chosen ?? "")} {...inPlace} />
      ) : named ? (
        <Autocomplete
          label="Value"
          size="xs"
          required={dimension !== TAG}
          {...(dimension === TAG && { description: "Empty: requests without this tag" })}
          data={[...new Set(values.map(({ words }) => words))]}
          limit={SUGGESTIONS}
          value={value}
          onChange={setValue}
          {...inPlace}
        />
      ) : (
        <TextInput label="Value" size="xs" disabled />
      )}
      <Button type="submit">Add filter</Button>
    </form>
  );
}

/** The value that is meant by what is typed, which may be the words for it: a key's name. */
function valueOf(typed: string, known: readonly { value: string; words: string }[]): string {
  return known.find(({ words }) => words === typed)?.value ?? typed;
}
