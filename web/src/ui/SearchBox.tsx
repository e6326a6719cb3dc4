import { CloseButton, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";

import { useFilter } from "~/ui/urlState";

import classes from "./SearchBox.module.css";

/** Searches a list; the text is kept in the URL. */
export function SearchBox({ label }: { label: string }) {
  const [q, setQ] = useFilter("q");
  return (
    <TextInput
      className={classes["search"] ?? ""}
      size="xs"
      aria-label={label}
      placeholder={label}
      value={q}
      onChange={(event) => setQ(event.currentTarget.value)}
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={q !== "" && <CloseButton size="xs" aria-label="Clear the search" onClick={() => setQ("")} />}
    />
  );
}
