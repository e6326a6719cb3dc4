import { Tooltip } from "@mantine/core";

import { compactParts, count } from "~/ui/format/numbers";

interface Props {
  value: number;
  /** Written behind the number. */
  unit?: string;
  /** What is counted; said with the exact number. */
  of?: string;
}

/** A number in three digits, with the exact one on hover and touch. */
export function Count({ value, unit = "", of = "" }: Props) {
  const [figure, scale] = compactParts(value);
  const shown = (
    <span className="num">
      {figure}
      {(scale !== "" || unit !== "") && <span className="unit">{` ${scale}${scale !== "" && unit !== "" ? " " : ""}${unit}`}</span>}
    </span>
  );
  return scale === "" ? shown : <Tooltip label={`${count(value)} ${of}`.trim()}>{shown}</Tooltip>;
}
