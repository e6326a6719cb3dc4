import { CloseButton, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";

import { useFilter } from "~/parts/period";

import classes from "./SearchBox.module.css";

/** What a list is searched for, kept in the URL. */
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
