import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";

import { NewTeam } from "~/features/teams/TeamForms";
import { useTeams } from "~/features/teams/teams";
import { TeamsTable } from "~/features/teams/TeamsTable";
import { Pager } from "~/ui/DataTable";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { count } from "~/ui/format/numbers";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { SearchBox } from "~/ui/SearchBox";
import { useFilter, usePanel } from "~/ui/urlState";

const ROWS = 50;

/** All teams, with what was used in each and what is left to it. */
export function Component() {
  const [q] = useFilter("q");
  const [after] = useFilter("after");
  const [making, setMaking] = usePanel("new");
  const { data, error, refetch } = useTeams({ limit: ROWS, ...(q === "" ? {} : { q }), ...(after === "" ? {} : { after }) });
  const actions = (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setMaking("1")}>
      New team
    </Button>
  );
  return (
    <Page title="Teams" actions={actions}>
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : (
        <Panel flush actions={<SearchBox label="Search by id or name" />}>
          <TeamsTable rows={data?.data} filtered={q !== ""} />
          {data !== undefined && data.total > 0 && <Pager next={data.next} shown={data.total === 1 ? "1 team" : `${count(data.total)} teams`} />}
        </Panel>
      )}
      <NewTeam opened={making !== ""} close={() => setMaking("")} />
    </Page>
  );
}
