import { Select, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";

import { useMonths } from "~/features/invoices/invoices";
import { titleOf, useTeams } from "~/features/teams/teams";
import { monthWords } from "~/ui/format/times";
import { useChangeParams, useFilter } from "~/ui/urlState";

import classes from "./InvoiceFilters.module.css";

const STATUSES = [
  { value: "draft", label: "Drafts" },
  { value: "finalized", label: "Finalized" },
  { value: "paid", label: "Paid" },
  { value: "void", label: "Void" },
];

/** Filters of all invoices, in the URL. */
export function InvoiceFilters() {
  const [status, setStatus] = useFilter("status");
  const [month, setMonth] = useFilter("month");
  const [user] = useFilter("user");
  const [team] = useFilter("team");
  const changeParams = useChangeParams();
  // An invoice has one payer.
  const setPayer = (kind: "user" | "team", id: string) => {
    changeParams((next) => {
      for (const old of ["user", "team", "after"]) next.delete(old);
      if (id !== "") next.set(kind, id);
    });
  };
  const known = useMonths().data?.data.map((each) => each.month) ?? [];
  const months = month === "" || known.includes(month) ? known : [month, ...known];
  return (
    <div className={classes["filters"]}>
      <Select
        size="xs"
        aria-label="Status"
        placeholder="Any status"
        clearable
        data={STATUSES}
        value={status === "" ? null : status}
        onChange={(value) => setStatus(value ?? "")}
      />
      <Select
        size="xs"
        aria-label="Month"
        placeholder="Any month"
        clearable
        data={months.map((value) => ({ value, label: monthWords(value) }))}
        value={month === "" ? null : month}
        onChange={(value) => setMonth(value ?? "")}
      />
      <UserFilter key={user} user={user} onChange={(id) => setPayer("user", id)} />
      <TeamFilter team={team} onChange={(id) => setPayer("team", id)} />
    </div>
  );
}

/** Asked for when it is complete: half an id is nobody's. */
function UserFilter({ user, onChange }: { user: string; onChange: (user: string) => void }) {
  const [text, setText] = useState(user);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    onChange(text.trim());
  };
  return (
    <form onSubmit={submit}>
      <TextInput
        size="xs"
        aria-label="User"
        placeholder="Any user"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={() => text.trim() !== user && onChange(text.trim())}
        maxLength={64}
        autoComplete="off"
        spellCheck={false}
      />
    </form>
  );
}

const MOST_TEAMS = 1000;

/** Of all teams: one that is closed has invoices, too. */
function TeamFilter({ team, onChange }: { team: string; onChange: (team: string) => void }) {
  const { data } = useTeams({ limit: MOST_TEAMS });
  const teams = (data?.data ?? []).map((each) => ({ value: each.team_id, label: titleOf(each) }));
  const known = team === "" || teams.some(({ value }) => value === team);
  return (
    <Select
      size="xs"
      aria-label="Team"
      placeholder="Any team"
      searchable
      clearable
      nothingFoundMessage="No team of that name"
      data={known ? teams : [...teams, { value: team, label: team }]}
      value={team === "" ? null : team}
      onChange={(chosen) => onChange(chosen ?? "")}
    />
  );
}
