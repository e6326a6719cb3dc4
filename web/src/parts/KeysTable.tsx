import { ActionIcon, Button, Text, Tooltip } from "@mantine/core";
import { IconListDetails, IconPlus, IconRefresh, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";

import { type Column, DataTable } from "~/parts/DataTable";
import { Ago } from "~/parts/figures";
import { count } from "~/parts/format";
import { MakeKey, RevokeKey, RotateKey } from "~/parts/KeyDialogs";
import { called, type Key, useKeys } from "~/parts/keys";
import { limitWords } from "~/parts/limitWords";
import { Panel } from "~/parts/Page";
import { Empty, Fault } from "~/parts/states";
import { Status } from "~/parts/Status";

import classes from "./Keys.module.css";

type Asked = { what: "make" } | { what: "rotate" | "revoke"; key: Key };

/** Keys, and what can be done with them: one's own, or (an admin's) those of the user named. */
export function KeysTable({ userId, title }: { userId?: string; title?: string }) {
  const { data, error, refetch } = useKeys(userId);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [withDead, setWithDead] = useState(false);
  const keys = data?.data.toReversed();
  const alive = keys?.filter(({ status }) => status === "active");
  const dead = keys === undefined || alive === undefined ? 0 : keys.length - alive.length;
  const close = () => setAsked(null);
  const whose = { ...(userId !== undefined && { userId }), onClose: close };
  const make = (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAsked({ what: "make" })}>
      New key
    </Button>
  );
  return (
    <Panel flush actions={make} {...(title !== undefined && { title })}>
      {error !== null ? (
        <Fault fault={error} again={() => void refetch()} />
      ) : (
        <DataTable
          label="Keys"
          columns={columnsOf(setAsked, userId !== undefined)}
          rows={withDead ? keys : alive}
          rowKey={(key) => key.id}
          empty={
            <Empty title={dead === 0 ? "No keys yet" : "No key that works"}>
              <Text size="sm" c="dimmed">
                Programs show a key with every request. Make one for each program, so that one of them can be stopped without the
                others.
              </Text>
            </Empty>
          }
        />
      )}
      {dead > 0 && (
        <div className={classes["foot"]}>
          <Button variant="subtle" color="gray" size="compact-xs" aria-pressed={withDead} onClick={() => setWithDead(!withDead)}>
            {withDead ? "Hide" : "Show"} {count(dead)} {dead === 1 ? "key that has" : "keys that have"} ended
          </Button>
        </div>
      )}
      {asked?.what === "make" && <MakeKey {...whose} />}
      {asked?.what === "rotate" && <RotateKey {...whose} which={asked.key} />}
      {asked?.what === "revoke" && <RevokeKey {...whose} which={asked.key} last={alive?.length === 1} />}
    </Panel>
  );
}

function columnsOf(ask: (asked: Asked) => void, byAdmin: boolean): Column<Key>[] {
  return [
    {
      id: "name",
      label: "Name",
      cell: (key) => <span className={classes["name"]} title={key.name ?? ""}>{key.name ?? <span className="unit">without a name</span>}</span>,
    },
    { id: "key", label: "Key", narrow: "below", cell: (key) => <code className={classes["code"]}>{key.prefix}</code> },
    { id: "status", label: "Status", narrow: "beside", cell: (key) => <Status of={key.status} /> },
    { id: "used", label: "Last used", narrow: "named", cell: (key) => <Ago at={key.last_used_at} /> },
    { id: "created", label: "Made", from: 900, cell: (key) => <Ago at={key.created_at} /> },
    { id: "end", label: "Ends", from: 700, cell: (key) => <Ago at={key.expires_at} /> },
    { id: "limits", label: "Limits of its own", from: 900, cell: (key) => <Limits of={key} /> },
    { id: "actions", label: "Actions", quiet: true, narrow: "beside", cell: (key) => <Actions which={key} ask={ask} byAdmin={byAdmin} /> },
  ];
}

function Limits({ of }: { of: Key }) {
  const words = limitWords(of.limits);
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
  which: Key;
  ask: (asked: Asked) => void;
  byAdmin: boolean;
}

function Actions({ which, ask, byAdmin }: ActionsProps) {
  const calls = `${byAdmin ? "/admin" : ""}/calls?key=${encodeURIComponent(which.id)}`;
  return (
    <span className={classes["actions"]}>
      <Tooltip label="Its calls">
        <ActionIcon component={Link} to={calls} variant="subtle" color="gray" aria-label={`Calls with ${called(which)}`}>
          <IconListDetails size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      {which.status === "active" && (
        <>
          <Tooltip label="Rotate">
            <ActionIcon variant="subtle" color="gray" aria-label={`Rotate ${called(which)}`} onClick={() => ask({ what: "rotate", key: which })}>
              <IconRefresh size={16} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Revoke">
            <ActionIcon variant="subtle" color="gray" aria-label={`Revoke ${called(which)}`} onClick={() => ask({ what: "revoke", key: which })}>
              <IconTrash size={16} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        </>
      )}
    </span>
  );
}
