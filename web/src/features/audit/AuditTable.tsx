import { Anchor, Button, Text } from "@mantine/core";
import { Link, useSearchParams } from "react-router";

import { type Entry, FILTERS } from "~/features/audit/audit";
import { actorPath, targetPath } from "~/features/audit/places";
import { actionWords, actorWords, detailLine, targetWords } from "~/features/audit/words";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Name } from "~/ui/Name";
import { Timestamp } from "~/ui/Times";
import { useChangeParams } from "~/ui/urlState";

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
        label="Audit log"
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
  const [params] = useSearchParams();
  const changeParams = useChangeParams();
  if (!FILTERS.some((name) => params.has(name))) {
    return (
      <Empty title="Nothing was changed in this time">
        <Text size="sm" c="dimmed">
          Every change to users, keys, limits and prices is written down here, and every sign-in. Choose another period to see older ones.
        </Text>
      </Empty>
    );
  }
  const clear = () => {
    changeParams((next) => {
      for (const name of [...FILTERS, "after"]) next.delete(name);
    });
  };
  return (
    <Empty title="No entry matches">
      <Text size="sm" c="dimmed">
        None of this period has all that the filters ask for. Ids have to be whole.
      </Text>
      <Button variant="default" onClick={clear} w="fit-content">
        Clear the filters
      </Button>
    </Empty>
  );
}

/** A name that leads to its page, where it has one. */
export function Named({ path, children }: { path: string | null; children: string }) {
  if (path === null) return <Name text={children} />;
  return (
    <Anchor component={Link} to={path} inherit miw={0} maw="100%">
      <Name text={children} />
    </Anchor>
  );
}

function shown(entries: readonly Entry[]): string {
  return `Entries ${entries.at(-1)?.id ?? ""} to ${entries[0]?.id ?? ""}, newest first`;
}

const COLUMNS: Column<Entry>[] = [
  { id: "at", label: "Time", cell: ({ at }) => <Timestamp at={at} /> },
  { id: "actor", label: "Who", grow: 1, narrow: "named", cell: ({ actor }) => <Named path={actorPath(actor)}>{actorWords(actor)}</Named> },
  { id: "action", label: "What", narrow: "beside", cell: ({ action }) => actionWords(action) },
  { id: "target", label: "Of", grow: 1, narrow: "named", cell: (entry) => <Named path={targetPath(entry)}>{targetWords(entry.target)}</Named> },
  { id: "detail", label: "Detail", grow: 2, from: 900, cell: ({ detail }) => <span className="unit"><Name text={detailLine(detail)} /></span> },
  { id: "address", label: "From", from: 700, cell: ({ address }) => address ?? <span className="unit">here</span> },
];
