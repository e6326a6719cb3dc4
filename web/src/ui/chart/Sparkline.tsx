import classes from "./Chart.module.css";

/** A few columns in the space of a word, without axes. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const width = 72;
  const height = 20;
  const step = width / values.length;
  const top = Math.max(...values, 0);
  return (
    <svg width={width} height={height} role="img" aria-label={label} className={classes["spark"]}>
      {values.map((value, place) => {
        const tall = top === 0 || value <= 0 ? 1 : Math.max(2, (value / top) * height);
        return <rect key={place} x={place * step} y={height - tall} width={step - 2} height={tall} data-empty={value <= 0} />;
      })}
    </svg>
  );
}
