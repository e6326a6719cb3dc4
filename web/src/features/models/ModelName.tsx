import { useModelColors } from "~/features/models/colors";
import { Name } from "~/ui/Name";

import classes from "./ModelName.module.css";

/** Names of models differ at their end: in the size, the variant, the quantization. */
const TAIL = 14;

/** A model's name, with its colour. */
export function ModelName({ name }: { name: string }) {
  const colorOf = useModelColors();
  return (
    <span className={classes["model"]}>
      <span className={classes["dot"]} style={{ background: colorOf(name) }} aria-hidden />
      <Name text={name} tail={TAIL} />
    </span>
  );
}
