import { Tooltip } from "@mantine/core";

import { byteParts, count } from "~/ui/format/numbers";

/** An amount of bytes in three digits, with the exact one on hover and focus. */
export function Bytes({ value }: { value: number | null }) {
  if (value === null) return <span className="unit">not known</span>;
  const [figure, unit] = byteParts(value);
  return (
    <Tooltip label={`${count(value)} bytes`}>
      <span className="num">
        {figure} <span className="unit">{unit}</span>
      </span>
    </Tooltip>
  );
}
