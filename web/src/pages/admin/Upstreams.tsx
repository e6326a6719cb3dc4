import { Code, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { type Column, DataTable } from "~/parts/DataTable";
import { Count } from "~/parts/figures";
import { useLive } from "~/parts/live";
import { Page, Panel } from "~/parts/Page";
import { Empty, Fault } from "~/parts/states";
import { Status } from "~/parts/Status";

import classes from "./Catalog.module.css";

type Upstream = Schemas["UpstreamBody"];
type Health = Upstream["health"];

const FRESH_MS = 10_000;

/** Where answers come from, and how each of these places is at this moment. */
export function Component() {
  const { tick } = useLive();
  const { data, error, refetch } = useQuery({
    queryKey: ["admin", "upstreams"],
    // The feed tells how they are; this, what they are.
    refetchInterval: FRESH_MS,
    queryFn: () => body(api.GET("/admin/upstreams")),
  });
  const now = new Map<string, Health>(tick?.upstreams.map(({ id, ...health }) => [id, health]));
  const rows = data?.data.map((upstream) => ({ ...upstream, health: now.get(upstream.id) ?? upstream.health }));
  return (
    <Page title="Upstreams">
      {error !== null ? (
        <Fault fault={error} again={() => void refetch()} />
      ) : (
        <Panel flush>
          <DataTable label="Upstreams" columns={COLUMNS} rows={rows} rowKey={(upstream) => upstream.id} empty={<None />} />
        </Panel>
      )}
    </Page>
  );
}

function None() {
  return (
    <Empty title="No upstreams">
      <Text size="sm" c="dimmed">
        Nothing can be answered yet. Name an Ollama in <Code>OLLAMA_URL</Code>, and start the gateway again.
      </Text>
    </Empty>
  );
}

const COLUMNS: Column<Upstream>[] = [
  { id: "id", label: "Upstream", cell: ({ id }) => <span className={classes["name"]}>{id}</span> },
  {
    id: "state",
    label: "State",
    cell: ({ health }) => (
      <>
        <Status of={health.state} />
        {health.error !== null && <span className={classes["error"]}>{health.error}</span>}
      </>
    ),
  },
  { id: "flight", label: "In flight", numeric: true, cell: ({ health }) => <Count value={health.in_flight} of="requests" /> },
  { id: "models", label: "Models", numeric: true, cell: ({ models }) => <Count value={models} of="models" /> },
  { id: "kind", label: "Kind", cell: ({ kind }) => KINDS.get(kind) ?? kind },
  { id: "address", label: "Address", cell: ({ base_url: url }) => <code className={classes["address"]}>{url}</code> },
];

const KINDS: ReadonlyMap<string, string> = new Map([
  ["ollama", "Ollama"],
  ["openai-compatible", "OpenAI-compatible"],
]);
