import type { UserReading } from "~/features/live/userFeed";
import { pushedTotal, type Usage } from "~/features/usage/usage";
import { UsageTiles } from "~/features/usage/UsageTiles";
import { count } from "~/ui/format/numbers";
import { duration } from "~/ui/format/times";
import type { Period } from "~/ui/period";
import { Tile } from "~/ui/Tiles";

import classes from "./UserTiles.module.css";

interface Props {
  reading: UserReading | null;
  usage: Usage;
  period: Period;
}

/** What one user used in a period, and what they have in flight. Today's and this month's figures are those that are pushed, as the
 * meters beside them are; those of other periods are read when these change. */
export function UserTiles({ reading, usage, period }: Props) {
  const total = (reading === null ? null : pushedTotal(period, reading)) ?? usage.data?.total;
  // Whoever shows these says what went wrong.
  if (total === undefined && usage.error !== null) return null;
  return (
    <div className={classes["tiles"]}>
      <UsageTiles usage={reading === null || total === undefined ? undefined : { total }} before={usage.before} period={period}>
        {reading !== null && (
          <Tile label="In flight" note={lineWords(reading.queue)}>
            {count(reading.queue.running)}
          </Tile>
        )}
      </UsageTiles>
    </div>
  );
}

/** "2 in line, the next is number 3, about 12 s" */
export function lineWords({ waiting, position, estimate_s: estimateS }: UserReading["queue"]): string {
  if (waiting === 0) return "none in line";
  const place = position === null ? "" : position <= 1 ? ", next in line" : `, ${waiting === 1 ? "" : "the first of them "}number ${count(position)}`;
  // Estimates are measured: a fraction of a second would promise too much.
  const wait = estimateS === null ? "" : `, about ${duration(Math.max(1, Math.ceil(estimateS)) * 1_000).replace(".0 s", " s")}`;
  return `${count(waiting)} in line${place}${wait}`;
}
