import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";

import { useFilter } from "~/ui/urlState";

const WAIT_MS = 250;

interface Props {
  /** The parameter of the URL that keeps it. */
  name: string;
  label: string;
  placeholder: string;
  className?: string | undefined;
}

/** A filter that is typed. It applies a moment after the last key; when the URL changes otherwise (by a link or the back button), the
 * field follows it. */
export function TextFilter({ name, label, placeholder, className = "" }: Props) {
  const [value, setValue] = useFilter(name, { typed: true });
  const [text, setText] = useState(value);
  const [seen, setSeen] = useState(value);
  // What was typed and is on its way to the URL; null: nothing is, and a change of the URL is somebody else's.
  const [sent, setSent] = useState<string | null>(null);
  const [followed, setFollowed] = useState(0);
  if (value !== seen) {
    setSeen(value);
    setSent(null);
    if (value !== sent) {
      setText(value);
      setFollowed(followed + 1);
    }
  }
  // `since`: what was typed before the URL changed otherwise is given up.
  const apply = useDebouncedCallback((typed: string, since: number) => {
    if (since !== followed || typed.trim() === value) return;
    setSent(typed.trim());
    setValue(typed.trim());
  }, WAIT_MS);
  return (
    <TextInput
      className={className}
      size="xs"
      type="search"
      aria-label={label}
      placeholder={placeholder}
      leftSection={<IconSearch size={14} aria-hidden />}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        apply(event.currentTarget.value, followed);
      }}
    />
  );
}
