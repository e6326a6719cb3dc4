import { Anchor } from "@mantine/core";
import { Link } from "react-router";

import { count } from "~/parts/format";
import type { Standing } from "~/parts/live";
import { Panel } from "~/parts/Page";
import { Loading } from "~/parts/states";
import { Status } from "~/parts/Status";

import classes from "./Overview.module.css";

/** Where requests go: is it there, and how busy is it. */
export function UpstreamHealth({ tick }: { tick: Standing | null }) {
  const all = (
    <Anchor component={Link} to="/admin/upstreams" size="xs" underline="hover">
      All upstreams
    </Anchor>
  );
  return (
    <Panel title="Upstreams" actions={all} flush>
      {tick === null ? (
        <Loading height={236} />
      ) : (
        <ul className={classes["upstreams"]}>
          {tick.upstreams.length === 0 && <li className={classes["nobody"]}>No upstream is set up. Requests have nowhere to go until one is.</li>}
          {tick.upstreams.map(({ id, kind, state, in_flight: running, queued, error }) => (
            <li key={id} className={classes["upstream"]}>
              <span className={classes["what"]}>
                {id} <span className="unit">{kind}</span>
              </span>
              <Status of={state} />
              <span className={classes["detail"]}>{error ?? `${count(running)} in flight, ${count(queued)} queued`}</span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
