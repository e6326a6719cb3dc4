import { Button, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconPlus, IconSearch } from "@tabler/icons-react";
import { useCallback, useRef, useState } from "react";

import { NewUser } from "~/pages/admin/users/NewUser";
import { UsersTable } from "~/pages/admin/users/UsersTable";
import { Pager } from "~/parts/DataTable";
import { count } from "~/parts/format";
import { DefaultLimitsPanel, LimitsPanel } from "~/parts/LimitsPanel";
import { Page, Panel } from "~/parts/Page";
import { useFilter, usePanel } from "~/parts/period";
import { Fault } from "~/parts/states";
import { type Order, type SortName, SORTS, useLiveUsers, type UserRow, useUsers } from "~/parts/users";

import classes from "./users/Users.module.css";

const PAGE = 50;
const STATUSES: Record<UserRow["status"], string> = { active: "Active", suspended: "Suspended", closed: "Closed" };
const ROLES: Record<UserRow["role"], string> = { user: "Users", admin: "Admins" };

/** Everyone, with what they use and what is left to them. */
export function Component() {
  const [q] = useFilter("q");
  const [status, setStatus] = useFilter("status");
  const [role, setRole] = useFilter("role");
  const [after] = useFilter("after");
  const { sort, order, sortBy } = useSort();
  const [making, setMaking] = usePanel("new");
  const [limited, setLimited] = usePanel("limits");
  const [defaults, setDefaults] = usePanel("defaults");
  const table = useRef<HTMLDivElement>(null);
  // Rows under the pointer or the focus stay where they are.
  const held = useCallback(() => table.current?.matches(":hover, :focus-within") ?? false, []);
  useLiveUsers(held);

  const filter = {
    ...(q === "" ? {} : { q }),
    ...(status in STATUSES ? { status: status as UserRow["status"] } : {}),
    ...(role in ROLES ? { role: role as UserRow["role"] } : {}),
  };
  const found = useUsers({ ...filter, sort, order, limit: PAGE, ...(after === "" ? {} : { after }) });
  const { data } = found;

  const actions = (
    <>
      <Button variant="default" onClick={() => setDefaults("1")}>
        Limits of new users
      </Button>
      <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setMaking("1")}>
        New user
      </Button>
    </>
  );
  return (
    <Page title="Users" actions={actions}>
      {found.error !== null && <Fault fault={found.error} again={() => void found.refetch()} />}
      <Panel flush>
        <div className={classes["filters"]} role="search">
          <Search />
          <Pick label="Status" all="Any status" options={STATUSES} value={status} onValue={setStatus} />
          <Pick label="Role" all="Any role" options={ROLES} value={role} onValue={setRole} />
        </div>
        <div ref={table}>
          <UsersTable rows={data?.data} filtered={Object.keys(filter).length > 0} sort={{ by: sort, order, onSort: sortBy }} onLimits={setLimited} />
        </div>
        {data !== undefined && data.total > 0 && <Pager next={data.next} shown={shown(data.data.length, data.total)} />}
      </Panel>
      <LimitsPanel userId={limited} close={() => setLimited("")} />
      <DefaultLimitsPanel opened={defaults !== ""} close={() => setDefaults("")} />
      <NewUser opened={making !== ""} close={() => setMaking("")} />
    </Page>
  );
}

function shown(rows: number, total: number): string {
  if (rows === total) return total === 1 ? "1 user" : `${count(total)} users`;
  return `${count(rows)} of ${count(total)} users`;
}

/** The sort of the table in the URL. Names rise at first, figures fall: the most is what one looks for. */
function useSort(): { sort: SortName; order: Order; sortBy: (by: string) => void } {
  const [kept, keep] = useFilter("sort");
  const [by = "", asked = ""] = kept.split("-");
  const sort = SORTS.find((name) => name === by) ?? "cost";
  const order: Order = asked === "asc" || asked === "desc" ? asked : firstOrder(sort);
  const sortBy = (next: string) => {
    const turned = order === "asc" ? "desc" : "asc";
    keep(`${next}-${next === sort ? turned : firstOrder(next)}`);
  };
  return { sort, order, sortBy };
}

function firstOrder(by: string): Order {
  return by === "user_id" ? "asc" : "desc";
}

const WAIT_MS = 250;

/** What is typed is looked for after a moment; what the URL says otherwise (a link, the way back) stands in the field. */
function Search() {
  const [q, setQ] = useFilter("q");
  const [text, setText] = useState(q);
  const [seen, setSeen] = useState(q);
  const [sent, setSent] = useState(q);
  if (q !== seen) {
    setSeen(q);
    if (q !== sent) setText(q);
  }
  const look = useDebouncedCallback((typed: string) => {
    setSent(typed.trim());
    setQ(typed.trim());
  }, WAIT_MS);
  return (
    <TextInput
      className={classes["search"] ?? ""}
      size="xs"
      type="search"
      aria-label="Search users by id or name"
      placeholder="Search by id or name"
      leftSection={<IconSearch size={14} aria-hidden />}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        look(event.currentTarget.value);
      }}
    />
  );
}

interface PickProps {
  label: string;
  all: string;
  options: Record<string, string>;
  value: string;
  onValue: (value: string) => void;
}

function Pick({ label, all, options, value, onValue }: PickProps) {
  return (
    <Select
      className={classes["pick"] ?? ""}
      size="xs"
      aria-label={label}
      allowDeselect={false}
      data={[{ value: "", label: all }, ...Object.entries(options).map(([name, words]) => ({ value: name, label: words }))]}
      value={value in options ? value : ""}
      onChange={(chosen) => onValue(chosen ?? "")}
    />
  );
}
