import { Anchor } from "@mantine/core";
import { Link } from "react-router";

import type { Standing } from "~/features/live/feed";
import { UpstreamStatus } from "~/features/upstreams/UpstreamStatus";
import { count } from "~/ui/format/numbers";
import { Loading } from "~/ui/Loading";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";

import classes from "./UpstreamHealth.module.css";

/** Whether each upstream can be reached, and how busy it is. */
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
          {tick.upstreams.length === 0 && <li className={classes["none"]}>No upstream is set up. Requests have nowhere to go until one is.</li>}
          {tick.upstreams.map(({ id, kind, state, in_flight: running, queued, error }) => (
            <li key={id} className={classes["upstream"]}>
              <span className={classes["what"]}>
                <Name text={id} aside={<span className="unit">{kind}</span>} />
              </span>
              <UpstreamStatus of={state} />
              <span className={classes["detail"]}>{(state === "up" ? null : error) ?? `${count(running)} in flight, ${count(queued)} queued`}</span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
