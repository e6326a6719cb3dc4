import { useModelColors } from "~/features/models/colors";

import classes from "./ModelName.module.css";

/** A model's name, with its colour. */
export function ModelName({ name }: { name: string }) {
  const colorOf = useModelColors();
  return (
    <span className={classes["model"]}>
      <span className={classes["dot"]} style={{ background: colorOf(name) }} aria-hidden />
      <span className={classes["name"]} title={name}>
        {name}
      </span>
    </span>
  );
}
