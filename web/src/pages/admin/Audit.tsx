import { Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";

import { api, body, type Schemas } from "~/api/client";
import { AuditEntry } from "~/parts/AuditEntry";
import { actionWords, actorWords, detailLine } from "~/parts/auditWords";
import { type Column, DataTable, Pager } from "~/parts/DataTable";
import { Moment } from "~/parts/figures";
import { Page, Panel } from "~/parts/Page";
import { useFilter } from "~/parts/period";
import { Empty, Fault } from "~/parts/states";

import classes from "./Audit.module.css";

type Entry = Schemas["AuditBody"];

const ROWS = 50;

/** Who changed what, when, and from where. */
export function Component() {
  const { entryId } = useParams();
  const [after] = useFilter("after");
  const query = { limit: ROWS, ...(after !== "" && { after }) };
  const { data, error, refetch } = useQuery({
    queryKey: ["admin", "audit", query],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/admin/audit", { params: { query } })),
  });
  return (
    <Page title="Audit">
      {error !== null ? (
        <Fault fault={error} again={() => void refetch()} />
      ) : (
        <Panel flush>
          <DataTable
            label="Changes"
            columns={COLUMNS}
            rows={data?.data}
            rowKey={(entry) => String(entry.id)}
            to={(entry) => `/admin/audit/${entry.id}`}
            selected={entryId}
            empty={<None />}
          />
          {data !== undefined && data.data.length > 0 && <Pager next={data.next} shown={shown(data.data)} />}
        </Panel>
      )}
      {entryId !== undefined && <AuditEntry id={Number(entryId)} known={data?.data.find(({ id }) => String(id) === entryId)} />}
    </Page>
  );
}

function None() {
  return (
    <Empty title="Nothing was changed yet">
      <Text size="sm" c="dimmed">
        Every change to users, keys, limits and prices is written down here, and every sign-in.
      </Text>
    </Empty>
  );
}

function shown(entries: readonly Entry[]): string {
  return `Entries ${entries.at(-1)?.id ?? ""} to ${entries[0]?.id ?? ""}, newest first`;
}

const COLUMNS: Column<Entry>[] = [
  { id: "at", label: "Time", cell: ({ at }) => <Moment at={at} /> },
  { id: "actor", label: "Who", narrow: "named", cell: ({ actor }) => actorWords(actor) },
  { id: "action", label: "What", narrow: "beside", cell: ({ action }) => actionWords(action) },
  { id: "target", label: "Of", narrow: "named", cell: ({ target }) => <span className={classes["target"]}>{target === "*" ? "several" : target}</span> },
  { id: "detail", label: "Detail", from: 900, cell: ({ detail }) => <span className={classes["line"]}>{detailLine(detail)}</span> },
  { id: "address", label: "From", from: 700, cell: ({ address }) => address ?? <span className="unit">here</span> },
];
