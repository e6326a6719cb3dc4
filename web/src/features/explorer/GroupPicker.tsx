import { Select } from "@mantine/core";
import { useState } from "react";

import { type Asked, useTagNames } from "~/features/explorer/explorer";
import { type Group, groupLabel, groupsOf, isTag, tagGroup } from "~/features/explorer/groups";
import { useChangeParams } from "~/ui/urlState";

import classes from "./Explorer.module.css";

/** Chooses the one or two groups, in the address. */
export function GroupPicker({ asked }: { asked: Asked }) {
  const changeParams = useChangeParams();
  const [first, second] = asked.question.groups;
  const choose = (groups: readonly (Group | undefined)[]) => {
    changeParams((next) => {
      for (const old of ["after", "order_by"]) next.delete(old);
      next.set("group_by", groups.filter((group) => group !== undefined).join(","));
    });
  };
  return (
    <div className={classes["groups"]} role="group" aria-label="Grouping">
      <span>Group by</span>
      <GroupSelect key={first} label="Group by" value={first} other={second} asked={asked} onGroup={(group) => choose([group, second])} />
      <span>then</span>
      <GroupSelect
        key={`then ${second ?? ""}`}
        label="Then by"
        value={second}
        other={first}
        asked={asked}
        onGroup={(group) => choose([first, group])}
        onNone={() => choose([first])}
      />
    </div>
  );
}

interface SelectProps {
  label: string;
  value: Group | undefined;
  /** What the other choice is: it is not offered twice, and there is one tag at most. */
  other: Group | undefined;
  asked: Asked;
  onGroup: (group: Group) => void;
  onNone?: () => void;
}

/** A list to choose from, in which the name of a tag may be typed, too. */
function GroupSelect({ label, value, other, asked, onGroup, onNone }: SelectProps) {
  const [typed, setTyped] = useState(value === undefined ? "" : groupLabel(value));
  const [opened, setOpened] = useState(false);
  const names = useTagNames(asked, opened);
  const fixed: Group[] = groupsOf(asked.admin).filter((group) => group !== other);
  const tags = other !== undefined && isTag(other) ? [] : tagsOf(names, typed, [...fixed, ...(value === undefined ? [] : [value])]);
  const offered = [...fixed, ...tags, ...(value !== undefined && isTag(value) && !tags.includes(value) ? [value] : [])];
  return (
    <Select
      className={classes["group"] ?? ""}
      size="xs"
      aria-label={label}
      placeholder={onNone === undefined ? "" : "nothing"}
      searchable
      searchValue={typed}
      onSearchChange={setTyped}
      onDropdownOpen={() => setOpened(true)}
      data={offered.map((group) => ({ value: group, label: groupLabel(group) }))}
      value={value ?? null}
      allowDeselect={false}
      clearable={onNone !== undefined}
      clearButtonProps={{ "aria-label": "Group by one only" }}
      nothingFoundMessage="A tag’s name can be typed"
      onChange={(chosen) => (chosen === null ? onNone?.() : onGroup(chosen))}
    />
  );
}

/** The tags that the latest calls have, and what is typed, unless it is the name of another group. */
function tagsOf(names: readonly string[], typed: string, known: readonly Group[]): Group[] {
  const name = typed.trim().replace(/^tag\s+/i, "");
  const isKnown = name === "" || known.some((group) => groupLabel(group).toLowerCase().startsWith(typed.trim().toLowerCase()));
  return [...new Set([...names, ...(isKnown ? [] : [name])])].map(tagGroup);
}
