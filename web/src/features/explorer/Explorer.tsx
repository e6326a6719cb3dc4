import { ExplorerChart } from "~/features/explorer/ExplorerChart";
import { ExplorerTable } from "~/features/explorer/ExplorerTable";
import { ExplorerTiles } from "~/features/explorer/ExplorerTiles";
import { useAsked, useGroups } from "~/features/explorer/explorer";
import { FilterChips } from "~/features/explorer/FilterChips";
import { GroupPicker } from "~/features/explorer/GroupPicker";
import { RefusedPanel } from "~/features/explorer/RefusedPanel";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Panel } from "~/ui/Panel";

import classes from "./Explorer.module.css";

/** Who used what, when, at what cost and how it went: everyone's usage for admins, for users their own. */
export function Explorer() {
  const asked = useAsked();
  const { data, error, refetch } = useGroups(asked);
  return (
    <>
      <Panel>
        <div className={classes["bar"]}>
          <GroupPicker asked={asked} />
          <FilterChips asked={asked} />
        </div>
      </Panel>
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : (
        <>
          <ExplorerTiles total={data?.total} asked={asked} />
          <ExplorerChart asked={asked} />
          <ExplorerTable asked={asked} found={data} />
        </>
      )}
      <RefusedPanel asked={asked} />
    </>
  );
}
