import { ActionIcon, Button, Text, Tooltip } from "@mantine/core";
import { IconListDetails, IconPlus, IconRefresh, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";

import { MakeKey, RevokeKey, RotateKey } from "~/features/keys/KeyDialogs";
import { type Key, nameOf, useKeys } from "~/features/keys/keys";
import { KeyStatus } from "~/features/keys/KeyStatus";
import { describeLimits } from "~/features/limits/words";
import { Count } from "~/ui/Count";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { mostPlaces } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { Money } from "~/ui/Money";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { RelativeTime } from "~/ui/Times";
import { useFilter } from "~/ui/urlState";

import classes from "./Keys.module.css";

type Dialog = { action: "make" } | { action: "rotate" | "revoke"; apiKey: Key };

/** Keys and the actions on them: one's own, or (for admins) those of the user named. */
export function KeysTable({ userId, title }: { userId?: string; title?: string }) {
  const { data, error, refetch } = useKeys(userId);
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const [marked] = useFilter("key");
  const [choice, setWithEnded] = useState<boolean | null>(null);
  const keys = data?.toReversed();
  const active = keys?.filter(({ status }) => status === "active");
  const ended = keys === undefined || active === undefined ? 0 : keys.length - active.length;
  // A link to a key shows it whatever its status.
  const withEnded = choice ?? keys?.some(({ id, status }) => id === marked && status !== "active") ?? false;
  const close = () => setDialog(null);
  const shared = { ...(userId !== undefined && { userId }), onClose: close };
  const make = (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setDialog({ action: "make" })}>
      New key
    </Button>
  );
  return (
    <Panel flush actions={make} {...(title !== undefined && { title })}>
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : (
        <DataTable
          label="Keys"
          columns={columnsOf(setDialog, userId !== undefined, marked, mostPlaces(keys?.map(({ month }) => month.cost_usd)))}
          rows={withEnded ? keys : active}
          rowKey={(key) => key.id}
          isSelected={(key) => key.id === marked}
          empty={
            <Empty title={ended === 0 ? "No keys yet" : "No key that works"}>
              <Text size="sm" c="dimmed">
                Programs show a key with every request. Make one for each program, so that one of them can be stopped without the
                others.
              </Text>
            </Empty>
          }
        />
      )}
      {ended > 0 && (
        <div className={classes["foot"]}>
          <Button variant="subtle" color="gray" size="compact-xs" aria-pressed={withEnded} onClick={() => setWithEnded(!withEnded)}>
            {withEnded ? "Hide" : "Show"} {count(ended)} {ended === 1 ? "key that has" : "keys that have"} ended
          </Button>
        </div>
      )}
      {dialog?.action === "make" && <MakeKey {...shared} />}
      {dialog?.action === "rotate" && <RotateKey {...shared} apiKey={dialog.apiKey} />}
      {dialog?.action === "revoke" && <RevokeKey {...shared} apiKey={dialog.apiKey} last={active?.length === 1} />}
    </Panel>
  );
}

function intoView(row: HTMLElement | null): void {
  row?.scrollIntoView({ block: "center" });
}

function columnsOf(open: (dialog: Dialog) => void, byAdmin: boolean, marked: string, places: number): Column<Key>[] {
  return [
    {
      id: "name",
      label: "Name",
      grow: 1,
      least: 140,
      cell: (key) => (
        <span className={classes["name"]} ref={key.id === marked ? intoView : null}>
          {key.name === null ? <span className="unit">without a name</span> : <Name text={key.name} />}
        </span>
      ),
    },
    { id: "key", label: "Key", narrow: "below", cell: (key) => <Prefix of={key} /> },
    { id: "status", label: "Status", narrow: "beside", cell: (key) => <KeyStatus of={key.status} /> },
    { id: "cost", label: "Spend\nthis month (UTC)", numeric: true, narrow: "named", cell: ({ month }) => <Money usd={month.cost_usd} places={places} /> },
    { id: "requests", label: "Requests\nthis month (UTC)", numeric: true, from: 900, narrow: "named", cell: ({ month }) => <Count value={month.requests} of="requests" /> },
    { id: "used", label: "Last used", narrow: "named", cell: (key) => <RelativeTime at={key.last_used_at} /> },
    { id: "created", label: "Made", from: 900, cell: (key) => <RelativeTime at={key.created_at} /> },
    { id: "end", label: "Ends", from: 700, cell: (key) => <RelativeTime at={key.expires_at} /> },
    { id: "limits", label: "Limits of its own", from: 900, cell: (key) => <Limits of={key} /> },
    { id: "actions", label: "Actions", quiet: true, narrow: "beside", cell: (key) => <Actions apiKey={key} open={open} byAdmin={byAdmin} /> },
  ];
}

function Prefix({ of: key }: { of: Key }) {
  return (
    <>
      <code className={classes["code"]}>{key.prefix}</code>
      {key.acts_for !== null && <span className="unit"> acts for others</span>}
    </>
  );
}

function Limits({ of }: { of: Key }) {
  const words = describeLimits(of.limits);
  if (words.length === 0) return <span className="unit">none</span>;
  return (
    <Tooltip label={words.map((phrase) => <div key={phrase}>{phrase}</div>)}>
      <span>
        {words[0]}
        {words.length > 1 && <span className="unit"> and {words.length - 1} more</span>}
      </span>
    </Tooltip>
  );
}

interface ActionsProps {
  apiKey: Key;
  open: (dialog: Dialog) => void;
  byAdmin: boolean;
}

function Actions({ apiKey, open, byAdmin }: ActionsProps) {
  const calls = `${byAdmin ? "/admin" : ""}/calls?key=${encodeURIComponent(apiKey.id)}`;
  return (
    <span className={classes["actions"]}>
      <Tooltip label="Its calls">
        <ActionIcon component={Link} to={calls} variant="subtle" color="gray" aria-label={`Calls with ${nameOf(apiKey)}`}>
          <IconListDetails size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      {apiKey.status === "active" && (
        <>
          <Tooltip label="Rotate">
            <ActionIcon variant="subtle" color="gray" aria-label={`Rotate ${nameOf(apiKey)}`} onClick={() => open({ action: "rotate", apiKey })}>
              <IconRefresh size={16} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Revoke">
            <ActionIcon variant="subtle" color="gray" aria-label={`Revoke ${nameOf(apiKey)}`} onClick={() => open({ action: "revoke", apiKey })}>
              <IconTrash size={16} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        </>
      )}
    </span>
  );
}
