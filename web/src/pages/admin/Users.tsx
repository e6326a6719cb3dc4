import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useCallback, useRef } from "react";

import { DefaultLimitsPanel } from "~/features/limits/DefaultLimitsPanel";
import { TemplatesPanel } from "~/features/limits/TemplatesPanel";
import { BulkBar } from "~/features/users/BulkBar";
import { useLiveUsers } from "~/features/users/live";
import { NewUser } from "~/features/users/NewUser";
import { UserFilters, useUserFilters } from "~/features/users/UserFilters";
import { UserLimitsPanel } from "~/features/users/UserLimitsPanel";
import { useSelectedUsers } from "~/features/users/useSelectedUsers";
import { useUsers } from "~/features/users/users";
import { UsersTable } from "~/features/users/UsersTable";
import { useSort } from "~/features/users/useSort";
import { Pager } from "~/ui/DataTable";
import { useClock, UTC } from "~/ui/clock";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { count } from "~/ui/format/numbers";
import { Page } from "~/ui/Page";
import { Panel } from "~/ui/Panel";
import { spanWords, usePeriod } from "~/ui/period";
import { useFilter, usePanel } from "~/ui/urlState";

const ROWS = 50;

/** All users, with what they use and what is left to them. */
export function Component() {
  const filters = useUserFilters();
  const [after] = useFilter("after");
  const { sort, order, sortBy } = useSort();
  const [making, setMaking] = usePanel("new");
  const [limited, setLimited] = usePanel("limits");
  const [defaults, setDefaults] = usePanel("defaults");
  const [templates, setTemplates] = usePanel("templates");
  const table = useRef<HTMLDivElement>(null);
  // Rows stay in place while the pointer or the focus is in the table.
  const held = useCallback(() => table.current?.matches(":hover, :focus-within") ?? false, []);
  const keepsOrder = useLiveUsers(held);
  const period = usePeriod();
  const clock = useClock();
  // This month of UTC is what rows have anyway.
  const span = period.name === "month" && clock.zone === UTC.zone ? {} : { from: period.from, to: period.to };
  const { data, error, refetch } = useUsers({ ...filters, ...span, sort, order, limit: ROWS, ...(after === "" ? {} : { after }) }, keepsOrder);

  const { which, size, selection, selectAll, selectNone } = useSelectedUsers(data, filters);

  const actions = (
    <>
      <Button variant="default" onClick={() => setTemplates("*")}>
        Limit templates
      </Button>
      <Button variant="default" onClick={() => setDefaults("1")}>
        Limits of new users
      </Button>
      <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setMaking("1")}>
        New user
      </Button>
    </>
  );
  return (
    <Page title="Users" actions={actions} period>
      {error !== null && <ErrorMessage error={error} onRetry={() => void refetch()} />}
      <Panel flush>
        <UserFilters />
        {size > 0 && <BulkBar which={which} size={size} total={data?.total ?? size} onAll={selectAll} onNone={selectNone} />}
        <div ref={table}>
          {(data !== undefined || error === null) && (
            <UsersTable
              rows={data?.data}
              filtered={Object.keys(filters).length > 0}
              sort={{ by: sort, order, onSort: sortBy }}
              span={spanWords(period, new Date(), clock)}
              onLimits={setLimited}
              selection={selection}
            />
          )}
        </div>
        {data !== undefined && data.total > 0 && <Pager next={data.next} shown={shown(data.data.length, data.total)} />}
      </Panel>
      <UserLimitsPanel userId={limited} close={() => setLimited("")} />
      <TemplatesPanel shown={templates} show={setTemplates} />
      <DefaultLimitsPanel opened={defaults !== ""} close={() => setDefaults("")} />
      <NewUser opened={making !== ""} close={() => setMaking("")} />
    </Page>
  );
}

function shown(rows: number, total: number): string {
  if (rows === total) return total === 1 ? "1 user" : `${count(total)} users`;
  return `${count(rows)} of ${count(total)} users`;
}
