import { useModelColors } from "~/parts/modelColor";

import classes from "./ModelName.module.css";

/** A model by its name, with the colour that it has on every page. */
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
