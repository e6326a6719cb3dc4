import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { Link, useParams } from "react-router";

import { explorerPath } from "~/features/explorer/links";
import { AddUpstream, EditUpstream } from "~/features/upstreams/UpstreamPanels";
import { useUpstreams } from "~/features/upstreams/upstreams";
import { UpstreamsTable } from "~/features/upstreams/UpstreamsTable";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { usePanel } from "~/ui/urlState";

/** Where answers come from, and the state of each of these places. */
export function Component() {
  const { upstreamId } = useParams();
  const { upstreams, error, refetch } = useUpstreams();
  const [adding, setAdding] = usePanel("add");
  return (
    <Page
      title="Upstreams"
      actions={
        <>
          <Button component={Link} to={explorerPath(true, "upstream")} variant="default">
            Explore usage
          </Button>
          <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAdding("1")}>
            Add upstream
          </Button>
        </>
      }
    >
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : (
        <Panel flush>
          <UpstreamsTable upstreams={upstreams} selected={upstreamId} onAdd={() => setAdding("1")} />
        </Panel>
      )}
      {upstreamId !== undefined && adding === "" && <EditUpstream id={upstreamId} upstreams={upstreams} />}
      {adding !== "" && <AddUpstream close={() => setAdding("")} />}
    </Page>
  );
}
