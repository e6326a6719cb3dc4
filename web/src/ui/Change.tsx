/** A change against the period before, with what there was then on hover and focus. */
import { Tooltip } from "@mantine/core";

import { change } from "~/ui/format/numbers";

interface Props {
  now: number;
  before: number;
  /** Writes what there was before. */
  write: (value: number) => string;
}

export function Change({ now, before, write }: Props) {
  const words = change(now, before);
  if (words === null) return null;
  return (
    <Tooltip label={`${write(before)} before`}>
      <span className="num unit" tabIndex={0}>{words}</span>
    </Tooltip>
  );
}
