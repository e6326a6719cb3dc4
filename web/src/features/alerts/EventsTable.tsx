import { NativeSelect, Text } from "@mantine/core";

import { type Event, useEvents } from "~/features/alerts/alerts";
import { EVENT_TYPES, EVENT_WORDS, eventLine } from "~/features/alerts/words";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { count } from "~/ui/format/numbers";
import { Panel } from "~/ui/Panel";
import { Timestamp } from "~/ui/Times";
import { useFilter } from "~/ui/urlState";

/** What happened, newest first. */
export function EventsTable() {
  const [type, setType] = useFilter("type");
  const [after] = useFilter("after");
  const { data, error, refetch } = useEvents(type, after);
  const choose = (
    <NativeSelect
      aria-label="Which events"
      size="xs"
      data={[{ value: "", label: "All events" }, ...EVENT_TYPES.map((value) => ({ value, label: EVENT_WORDS[value] }))]}
      value={type}
      onChange={(event) => setType(event.currentTarget.value)}
    />
  );
  return (
    <Panel title="Events" actions={choose} flush>
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : (
        <>
          <DataTable
            label="Events"
            columns={COLUMNS}
            rows={data?.data}
            rowKey={({ id }) => id}
            empty={
              <Empty title={type === "" ? "Nothing happened yet" : "No such event"}>
                <Text size="sm" c="dimmed">
                  Events of the last 30 days are kept. Webhooks get them as they happen.
                </Text>
              </Empty>
            }
          />
          {data !== undefined && data.data.length > 0 && <Pager next={data.next} shown={`${count(data.data.length)} events, newest first`} />}
        </>
      )}
    </Panel>
  );
}

const COLUMNS: Column<Event>[] = [
  { id: "at", label: "Time", cell: ({ timestamp }) => <Timestamp at={timestamp} /> },
  { id: "type", label: "Event", narrow: "beside", cell: ({ type }) => EVENT_WORDS[type] },
  { id: "data", label: "About", grow: 1, wraps: true, narrow: "below", cell: ({ type, data }) => <span className="unit">{eventLine(type, data)}</span> },
];
