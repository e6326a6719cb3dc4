import classes from "./Progress.module.css";

interface Props {
  /** What goes on, for screen readers. */
  label: string;
  done: number;
  /** 0: not known yet. */
  total: number;
  tone?: "running" | "good" | "bad" | "plain";
}

/** How far something is. */
export function Progress({ label, done, total, tone = "running" }: Props) {
  const share = total > 0 ? Math.min(done / total, 1) : 0;
  return (
    <div
      className={classes["track"]}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      // Rounded down: all of it is there only when it is.
      {...(total > 0 && { "aria-valuenow": Math.floor(share * 100) })}
      data-tone={tone}
    >
      <div className={classes["done"]} style={{ width: `${share * 100}%` }} />
    </div>
  );
}
