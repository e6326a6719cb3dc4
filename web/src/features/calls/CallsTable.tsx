import { Button, Text } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconDownload } from "@tabler/icons-react";
import { useNavigate, useParams, useSearchParams } from "react-router";

import type { Schemas } from "~/api/client";
import { curlCommand } from "~/api/curl";
import { CallFilters } from "~/features/calls/CallFilters";
import { type CallRecord, csvHref, FILTERS, isCorrection, shownInWords, useCalls } from "~/features/calls/calls";
import { useOrder } from "~/features/calls/ordering";
import { CallStatus } from "~/features/calls/CallStatus";
import { shortReason } from "~/features/calls/reasons";
import { ModelName } from "~/features/models/ModelName";
import { useExampleModel } from "~/features/models/models";
import { Command } from "~/ui/Command";
import { Count } from "~/ui/Count";
import { type Column, DataTable, Pager } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Loading } from "~/ui/Loading";
import { Money, SmallMoney } from "~/ui/Money";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { Tile, Tiles } from "~/ui/Tiles";
import { Duration, Timestamp } from "~/ui/Times";
import { useChangeParams } from "~/ui/urlState";

import classes from "./Calls.module.css";

/** Calls: one's own, or (for admins) everyone's or those of the user named. Filters and page are in the URL. */
export function CallsTable({ userId }: { userId?: string }) {
  const { found, filter, order, admin } = useCalls(userId);
  const sort = useOrder(order);
  const [params] = useSearchParams();
  const { requestId } = useParams();
  const { data, error } = found;
  const ofUser = userId === undefined ? {} : { userId };
  // On the page of a user, a row opens the page of all calls, filtered by that user.
  const search = userId === undefined ? {} : { search: withUser(params, userId) };
  useNeighbours(data?.data, requestId, `${admin ? "/admin" : ""}/calls`);
  const filtered = FILTERS.some((name) => params.has(name));
  return (
    <>
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void found.refetch()} />
      ) : data === undefined ? (
        <Loading height={72} />
      ) : (
        // The page of a user has the sums of all calls of the period already.
        (userId === undefined || filtered) && <Sums of={data.totals} />
      )}
      <Panel flush>
        <div className={classes["bar"]}>
          <CallFilters admin={admin} {...ofUser} />
          <Button
            component="a"
            href={csvHref(admin, filter)}
            download
            variant="default"
            className={classes["csv"] ?? ""}
            leftSection={<IconDownload size={14} aria-hidden />}
          >
            CSV
          </Button>
        </div>
        {error === null && (
          <DataTable
            label="Calls"
            columns={admin && userId === undefined ? COLUMNS_OF_ALL : COLUMNS}
            rows={data?.data}
            rowKey={(call) => call.request_id}
            to={(call) => `${admin ? "/admin" : ""}/calls/${call.request_id}`}
            isSelected={(call) => call.request_id === requestId}
            {...search}
            sort={sort}
            empty={<NoCalls admin={admin} filtered={filtered} />}
          />
        )}
        {data !== undefined && data.data.length > 0 && (
          <Pager next={data.next} previous={data.previous} shown={shownInWords(data.data, data.totals.requests, order)} />
        )}
      </Panel>
    </>
  );
}

/** While a call is open over the list, j and k open the next and the previous one of the page. */
function useNeighbours(rows: readonly CallRecord[] | undefined, requestId: string | undefined, path: string) {
  const navigate = useNavigate();
  const at = requestId === undefined ? -1 : (rows?.findIndex((call) => call.request_id === requestId) ?? -1);
  const open = (by: number) => {
    const call = at < 0 ? undefined : rows?.[at + by];
    if (call !== undefined) void navigate({ pathname: `${path}/${call.request_id}`, search: window.location.search }, { replace: true });
  };
  useHotkeys([
    ["j", () => open(1)],
    ["k", () => open(-1)],
  ]);
}

function withUser(params: URLSearchParams, userId: string): string {
  const next = new URLSearchParams(params);
  next.set("user", userId);
  return `?${next.toString()}`;
}

const WHEN: Column<CallRecord> = { id: "at", label: "Time", sort: "created_at", cell: (call) => <Timestamp at={call.created_at} /> };
const USER: Column<CallRecord> = { id: "user", label: "User", grow: 2, narrow: "below", cell: (call) => <Name text={call.user_id} /> };
const REST: Column<CallRecord>[] = [
  { id: "model", label: "Model", grow: 3, narrow: "below", cell: (call) => (isCorrection(call) ? "Correction" : <ModelName name={call.model} />) },
  { id: "cost", label: "Cost", sort: "cost_usd", numeric: true, narrow: "beside", cell: (call) => <Cost of={call} /> },
  { id: "status", label: "Status", narrow: "below", cell: (call) => (isCorrection(call) ? null : <Ending of={call} />) },
  { id: "input", label: "Input", numeric: true, from: 900, cell: (call) => <Tokens of={call} count={call.prompt_tokens} /> },
  { id: "output", label: "Output", numeric: true, from: 900, cell: (call) => <Tokens of={call} count={call.completion_tokens} /> },
  { id: "first", label: "First token", numeric: true, from: 900, cell: (call) => <Duration ms={call.first_token_ms} /> },
  { id: "took", label: "Total", sort: "latency_ms", numeric: true, from: 700, cell: (call) => <Duration ms={isCorrection(call) ? null : call.latency_ms} /> },
];
const COLUMNS = [WHEN, ...REST];
const COLUMNS_OF_ALL = [WHEN, USER, ...REST];

/** The status, and why a call was not completed. */
function Ending({ of: { status, error } }: { of: CallRecord }) {
  if (error === null) return <CallStatus of={status} />;
  return (
    <span className={classes["ending"]}>
      <CallStatus of={status} />
      <span className="unit">{shortReason(error)}</span>
    </span>
  );
}

/** A correction is of money alone. */
function Tokens({ of: call, count }: { of: CallRecord; count: number }) {
  return isCorrection(call) ? <span className="unit">–</span> : <Count value={count} of="tokens" />;
}

function Cost({ of: call }: { of: CallRecord }) {
  return call.price_id === null && !isCorrection(call) ? <span className="unit">no price</span> : <SmallMoney usd={call.cost_usd} />;
}

/** The sums of all calls that match, on every page of the list. */
function Sums({ of }: { of: Schemas["Sums"] }) {
  return (
    <Tiles>
      <Tile label="Calls">
        <Count value={of.requests} of="calls" />
      </Tile>
      <Tile label="Input">
        <Count value={of.prompt_tokens} unit="tokens" of="tokens" />
      </Tile>
      <Tile label="Output">
        <Count value={of.completion_tokens} unit="tokens" of="tokens" />
      </Tile>
      <Tile label="Cost">
        <Money usd={of.cost_usd} />
      </Tile>
    </Tiles>
  );
}

function NoCalls({ admin, filtered }: { admin: boolean; filtered: boolean }) {
  const changeParams = useChangeParams();
  const model = useExampleModel();
  if (filtered) {
    const clear = () => {
      changeParams((next) => {
        for (const name of [...FILTERS, "after", "before"]) next.delete(name);
      });
    };
    return (
      <Empty title="No calls match">
        <Text size="sm" c="dimmed">
          None of this period&apos;s calls has all that the filters ask for.
        </Text>
        <Button variant="default" onClick={clear} w="fit-content">
          Clear the filters
        </Button>
      </Empty>
    );
  }
  return (
    <Empty title="No calls in this time">
      <Text size="sm" c="dimmed">
        Choose another period, or send a first one: put {admin ? "a user's key" : "your key"} into TOLLKEEPER_KEY, then
      </Text>
      <Command text={curlCommand(model)} label="A first request" />
    </Empty>
  );
}
