import { Button, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useParams, useSearchParams } from "react-router";

import type { Schemas } from "~/api/client";
import { CallFilters } from "~/parts/CallFilters";
import { type CallRecord, csvHref, FILTERS, isCorrection, shownInWords, useCalls } from "~/parts/calls";
import { type Column, DataTable, Pager } from "~/parts/DataTable";
import { Count, Money, Moment, SmallMoney, Tokens, Took } from "~/parts/figures";
import { curlOf } from "~/parts/FirstCall";
import { useModelNames } from "~/parts/modelColor";
import { ModelName } from "~/parts/ModelName";
import { Panel, Tile, Tiles } from "~/parts/Page";
import { Command, Empty, Fault, Loading } from "~/parts/states";
import { Status } from "~/parts/Status";

import classes from "./Calls.module.css";

/** Calls: one's own, everyone's (an admin's), or those of the user named. Filters and page are in the URL. */
export function CallsTable({ userId }: { userId?: string }) {
  const { found, asked, admin } = useCalls(userId);
  const [params] = useSearchParams();
  const { requestId } = useParams();
  const { data, error } = found;
  const ofUser = userId === undefined ? {} : { userId };
  // On a user's own page the calls lead to everyone's, narrowed down to that user.
  const search = userId === undefined ? {} : { search: withUser(params, userId) };
  const filtered = FILTERS.some((name) => params.has(name));
  return (
    <>
      {error !== null ? (
        <Fault fault={error} again={() => void found.refetch()} />
      ) : data === undefined ? (
        <Loading height={72} />
      ) : (
        <Sums of={data.totals} />
      )}
      <Panel flush>
        <div className={classes["bar"]}>
          <CallFilters admin={admin} {...ofUser} />
          <Button
            component="a"
            href={csvHref(admin, asked)}
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
            selected={requestId}
            {...search}
            empty={<NoCalls admin={admin} filtered={filtered} />}
          />
        )}
        {data !== undefined && data.data.length > 0 && (
          <Pager next={data.next} shown={shownInWords(data.data, data.totals.requests)} />
        )}
      </Panel>
    </>
  );
}

function withUser(params: URLSearchParams, userId: string): string {
  const next = new URLSearchParams(params);
  next.set("user", userId);
  return `?${next.toString()}`;
}

const WHEN: Column<CallRecord> = { id: "at", label: "Time", cell: (call) => <Moment at={call.created_at} /> };
const USER: Column<CallRecord> = { id: "user", label: "User", narrow: "below", cell: (call) => call.user_id };
const REST: Column<CallRecord>[] = [
  { id: "model", label: "Model", narrow: "below", cell: (call) => (isCorrection(call) ? "Correction" : <ModelName name={call.model} />) },
  { id: "cost", label: "Cost", numeric: true, narrow: "beside", cell: (call) => <Cost of={call} /> },
  { id: "status", label: "Status", narrow: "below", cell: (call) => <Status of={call.status} /> },
  { id: "input", label: "Input", numeric: true, from: 700, cell: (call) => <Tokens value={call.prompt_tokens} /> },
  { id: "output", label: "Output", numeric: true, from: 700, cell: (call) => <Tokens value={call.completion_tokens} /> },
  { id: "first", label: "First token", numeric: true, from: 900, cell: (call) => <Took ms={call.first_token_ms} /> },
  { id: "took", label: "Total", numeric: true, from: 700, cell: (call) => <Took ms={call.latency_ms} /> },
];
const COLUMNS = [WHEN, ...REST];
const COLUMNS_OF_ALL = [WHEN, USER, ...REST];

function Cost({ of: call }: { of: CallRecord }) {
  return call.price_id === null && !isCorrection(call) ? <span className="unit">no price</span> : <SmallMoney usd={call.cost_usd} />;
}

/** Of all calls that match, on every page. */
function Sums({ of }: { of: Schemas["Sums"] }) {
  return (
    <Tiles>
      <Tile label="Calls">
        <Count value={of.requests} of="calls" />
      </Tile>
      <Tile label="Input">
        <Tokens value={of.prompt_tokens} unit="tokens" />
      </Tile>
      <Tile label="Output">
        <Tokens value={of.completion_tokens} unit="tokens" />
      </Tile>
      <Tile label="Cost">
        <Money usd={of.cost_usd} />
      </Tile>
    </Tiles>
  );
}

function NoCalls({ admin, filtered }: { admin: boolean; filtered: boolean }) {
  const [params, setParams] = useSearchParams();
  const [model = "llama3.2:1b"] = useModelNames();
  if (filtered) {
    const clear = () => {
      const next = new URLSearchParams(params);
      for (const name of [...FILTERS, "after"]) next.delete(name);
      setParams(next);
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
      <Command text={curlOf(model)} label="A first request" />
    </Empty>
  );
}
