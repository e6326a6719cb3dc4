import { Autocomplete, type AutocompleteProps } from "@mantine/core";
import { useState } from "react";

import classes from "./SuggestField.module.css";

interface Props extends Omit<AutocompleteProps, "data" | "value" | "onChange"> {
  data: readonly string[];
  value: string;
  onChange: (value: string) => void;
}

/** A field for text with suggestions. They come when something is typed that some of them have in them, or by the arrow keys: never by the
 * focus alone, as they lie over what is below. While none is shown, Esc is left to the dialog around. */
export function SuggestField({ data, value, onChange, ...field }: Props) {
  const [asked, setAsked] = useState(false);
  const text = value.trim().toLowerCase();
  const matches = data.filter((one) => one.toLowerCase().includes(text) && one !== value);
  return (
    <Autocomplete
      size="sm"
      openOnFocus={false}
      // The list itself is what scrolls: the library's area around it could not be reached by the keyboard.
      withScrollArea={false}
      classNames={{ options: classes["options"] ?? "", option: classes["option"] ?? "" }}
      // Beside the field, so that it is inside the dialog that the field is in.
      comboboxProps={{ withinPortal: false }}
      filter={({ options }) => options}
      {...field}
      data={matches}
      value={value}
      onChange={(typed) => {
        setAsked(true);
        onChange(typed);
      }}
      onKeyDown={({ key }) => {
        if (key === "ArrowDown" || key === "ArrowUp") setAsked(true);
      }}
      dropdownOpened={asked && matches.length > 0}
      onDropdownClose={() => setAsked(false)}
    />
  );
}
