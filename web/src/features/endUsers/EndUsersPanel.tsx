import { ActionIcon, Button, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconAdjustments, IconEraser, IconListDetails, IconPlayerPause, IconPlayerPlay, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";

import { EndUserLimitsPanel } from "~/features/endUsers/EndUserLimitsPanel";
import { type EndUser, personOf, useEndUsers, useSetEndUserStatus } from "~/features/endUsers/endUsers";
import { EndUserStatus } from "~/features/endUsers/EndUserStatus";
import { EraseEndUser } from "~/features/endUsers/EraseEndUser";
import { describeLimits } from "~/features/limits/words";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { RelativeTime } from "~/ui/Times";
import { useNotices } from "~/ui/useNotices";

import classes from "./EndUsers.module.css";

/** The people whom a user's keys act for, and what an admin does with them; nothing for a user without any. */
export function EndUsersPanel({ userId }: { userId: string }) {
  const [search, setSearch] = useState("");
  const [q] = useDebouncedValue(search.trim(), 200);
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useEndUsers(userId, q);
  const [limited, setLimited] = useState("");
  const [erasing, setErasing] = useState<EndUser | null>(null);
  const rows = data?.pages.flatMap((page) => page.data);
  if (error !== null) return <ErrorMessage error={error} onRetry={() => void refetch()} />;
  if (search === "" && q === "" && (rows === undefined || rows.length === 0)) return null;
  const searchBox = (
    <TextInput
      size="xs"
      aria-label="Find a person"
      placeholder="Find a person"
      value={search}
      maxLength={256}
      onChange={(event) => setSearch(event.currentTarget.value)}
      leftSection={<IconSearch size={14} aria-hidden />}
    />
  );
  return (
    <Panel flush title="People behind the keys" actions={searchBox}>
      <DataTable
        label="People behind the keys"
        columns={columnsOf(setLimited, setErasing)}
        rows={rows}
        rowKey={({ id }) => id}
        empty={<Empty title="Nobody is called so" />}
      />
      {hasNextPage && (
        <div className={classes["foot"]}>
          <Button variant="subtle" color="gray" size="compact-xs" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
      <EndUserLimitsPanel id={limited} close={() => setLimited("")} />
      {erasing !== null && <EraseEndUser endUser={erasing} onClose={() => setErasing(null)} />}
    </Panel>
  );
}

function columnsOf(limit: (id: string) => void, erase: (endUser: EndUser) => void): Column<EndUser>[] {
  return [
    {
      id: "person",
      label: "Person",
      grow: 1,
      cell: ({ value }) => <span className={classes["person"]}>{value === null ? <span className="unit">erased</span> : <Name text={value} />}</span>,
    },
    { id: "id", label: "Id in calls", narrow: "below", cell: ({ id }) => <code className={classes["code"]}>{id}</code> },
    { id: "status", label: "Status", narrow: "below", cell: ({ status }) => <EndUserStatus of={status} /> },
    { id: "since", label: "First seen", from: 900, cell: ({ created_at: at }) => <RelativeTime at={at} /> },
    { id: "limits", label: "Limits", from: 700, cell: ({ limits }) => <Limits words={describeLimits(limits)} /> },
    { id: "actions", label: "Actions", quiet: true, narrow: "beside", cell: (row) => <Actions of={row} limit={limit} erase={erase} /> },
  ];
}

function Limits({ words }: { words: string[] }) {
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
  of: EndUser;
  limit: (id: string) => void;
  erase: (endUser: EndUser) => void;
}

function Actions({ of, limit, erase }: ActionsProps) {
  const change = useSetEndUserStatus();
  const { notify } = useNotices();
  const person = personOf(of);
  const blocked = of.status === "blocked";
  const turn = () => {
    change.mutate(
      { id: of.id, status: blocked ? "active" : "blocked" },
      {
        onSuccess: () => notify({ state: "good", text: blocked ? `${person} is let in again.` : `${person} is blocked, and what ran for them was stopped.` }),
        onError: (error) => notify({ state: "bad", text: error.message }),
      },
    );
  };
  const calls = `/admin/calls?user=${encodeURIComponent(of.user_id)}&end_user=${encodeURIComponent(of.id)}`;
  return (
    <span className={classes["actions"]}>
      <Tooltip label="Their calls">
        <ActionIcon component={Link} to={calls} variant="subtle" color="gray" aria-label={`Calls for ${person}`}>
          <IconListDetails size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      {of.status !== "erased" && <Changes person={person} blocked={blocked} busy={change.isPending} limit={() => limit(of.id)} turn={turn} erase={() => erase(of)} />}
    </span>
  );
}

interface ChangesProps {
  person: string;
  blocked: boolean;
  busy: boolean;
  limit: () => void;
  turn: () => void;
  erase: () => void;
}

function Changes({ person, blocked, busy, limit, turn, erase }: ChangesProps) {
  return (
    <>
      <Tooltip label="Limits">
        <ActionIcon variant="subtle" color="gray" aria-label={`Limits of ${person}`} onClick={limit}>
          <IconAdjustments size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={blocked ? "Let in again" : "Block"}>
        <ActionIcon variant="subtle" color="gray" aria-label={`${blocked ? "Let in" : "Block"} ${person}`} loading={busy} onClick={turn}>
          {blocked ? <IconPlayerPlay size={16} stroke={1.6} /> : <IconPlayerPause size={16} stroke={1.6} />}
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Erase">
        <ActionIcon variant="subtle" color="gray" aria-label={`Erase ${person}`} onClick={erase}>
          <IconEraser size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
    </>
  );
}
