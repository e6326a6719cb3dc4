import { Text } from "@mantine/core";

import type { Entry } from "~/features/audit/audit";
import { actionWords, actorWords, detailLine } from "~/features/audit/words";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Name } from "~/ui/Name";
import { Timestamp } from "~/ui/Times";

interface Props {
  entries: readonly Entry[] | undefined;
  next: string | null | undefined;
  /** The id of the entry that is open beside the table. */
  selected: string | undefined;
}

/** A page of entries, newest first. */
export function AuditTable({ entries, next, selected }: Props) {
  return (
    <>
      <DataTable
        label="Changes"
        columns={COLUMNS}
        rows={entries}
        rowKey={(entry) => String(entry.id)}
        to={(entry) => `/admin/audit/${entry.id}`}
        isSelected={(entry) => String(entry.id) === selected}
        empty={<None />}
      />
      {entries !== undefined && entries.length > 0 && <Pager next={next} shown={shown(entries)} />}
    </>
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
  { id: "at", label: "Time", cell: ({ at }) => <Timestamp at={at} /> },
  { id: "actor", label: "Who", grow: 1, narrow: "named", cell: ({ actor }) => <Name text={actorWords(actor)} /> },
  { id: "action", label: "What", narrow: "beside", cell: ({ action }) => actionWords(action) },
  { id: "target", label: "Of", grow: 1, narrow: "named", cell: ({ target }) => <Name text={target === "*" ? "several" : target} /> },
  { id: "detail", label: "Detail", grow: 2, from: 900, cell: ({ detail }) => <span className="unit"><Name text={detailLine(detail)} /></span> },
  { id: "address", label: "From", from: 700, cell: ({ address }) => address ?? <span className="unit">here</span> },
];
