import type { Asked, Compared } from "~/features/explorer/explorer";
import { type Figure, figureRow } from "~/features/explorer/figures";
import { ChangeOf, Value } from "~/features/explorer/Value";
import { Loading } from "~/ui/Loading";
import { Tile, Tiles } from "~/ui/Tiles";

import classes from "./Explorer.module.css";

const SHOWN: readonly Figure[] = ["requests", "total_tokens", "cost_usd", "errors", "refused", "first_token_p95", "latency_p95"];

/** The figures of all groups together, compared with the period before. */
export function ExplorerTiles({ total, asked }: { total: Compared | undefined; asked: Asked }) {
  if (total === undefined) return <Loading height={118} />;
  const shown = SHOWN.filter((name) => name !== "refused" || total.refused !== null);
  return (
    <div>
      <Tiles>
        {shown.map((name) => (
          <Tile key={name} label={figureRow(name).label} note={<ChangeOf name={name} of={total} />}>
            <Value name={name} of={total} />
          </Tile>
        ))}
      </Tiles>
      <p className={classes["against"]}>Changes are against {asked.period.before.words}.</p>
    </div>
  );
}
