import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { Link, useParams } from "react-router";

import { EvictForm } from "~/features/lifecycle/EvictForm";
import { explorerPath } from "~/features/explorer/links";
import { JobsPanel } from "~/features/pulls/JobsPanel";
import { ModelActions } from "~/features/lifecycle/ModelActions";
import { ModelPanel } from "~/features/lifecycle/ModelPanel";
import { PullForm } from "~/features/pulls/PullForm";
import { AliasesPanel } from "~/features/models/AliasesPanel";
import { useAllModels } from "~/features/models/models";
import { ModelsTable } from "~/features/models/ModelsTable";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { SearchBox } from "~/ui/SearchBox";
import { useChangeParams, usePanel } from "~/ui/urlState";

/** What is in memory changes by itself. */
const FRESH_MS = 10_000;

/** All models, wherever they run; pulls, and their other names. */
export function Component() {
  const { model } = useParams();
  const { data, error, refetch } = useAllModels(true, FRESH_MS);
  const [pulling, setPulling] = usePanel("pull");
  const [evicting, setEvicting] = usePanel("evict");
  const change = useChangeParams();
  const pull = () => setPulling(NEW);
  return (
    <Page
      title="Models"
      actions={
        <>
          <SearchBox label="Search models" />
          <Button component={Link} to={explorerPath(true, "model")} variant="default">
            Explore usage
          </Button>
          <Button variant="default" onClick={() => setEvicting("1")}>
            Evict unused
          </Button>
          <Button leftSection={<IconDownload size={14} aria-hidden />} onClick={pull}>
            Pull a model
          </Button>
        </>
      }
    >
      <JobsPanel onPull={setPulling} />
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : (
        <Panel flush>
          <ModelsTable models={data} selected={model} actions={(row) => <ModelActions model={row} onPull={setPulling} />} onPull={pull} />
        </Panel>
      )}
      <AliasesPanel />
      {/* One at a time, so that Esc leads back from the form to the panel. */}
      {model !== undefined && pulling === "" && evicting === "" && <ModelPanel key={model} name={model} models={data} />}
      {pulling !== "" && (
        <PullForm
          model={pulling === NEW ? "" : pulling}
          onClose={() => setPulling("")}
          onPulling={({ id }) =>
            change((params) => {
              params.delete("pull");
              params.set("job", id);
            })
          }
        />
      )}
      {evicting !== "" && <EvictForm onClose={() => setEvicting("")} />}
    </Page>
  );
}

/** In the URL: a model is pulled that is still to be named. No model has this name. */
const NEW = " ";
