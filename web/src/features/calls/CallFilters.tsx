import { CloseButton, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";

import { api, body } from "~/api/client";
import { STATUSES } from "~/features/calls/calls";
import { PersonName } from "~/features/endUsers/PersonName";
import { KeyName } from "~/features/keys/KeyName";
import { useSummary } from "~/features/usage/usage";
import { Name } from "~/ui/Name";
import { usePeriod } from "~/ui/period";
import { useFilter } from "~/ui/urlState";

import classes from "./Calls.module.css";

const STATUS_CHOICES = Object.entries(STATUSES).map(([value, label]) => ({ value, label }));

/** The filters of calls, kept in the URL. Admins can also choose the user, unless the page is about one. */
export function CallFilters({ admin, userId }: { admin: boolean; userId?: string }) {
  const [user] = useFilter("user");
  return (
    <>
      {admin && userId === undefined && <UserFilter />}
      <ModelFilter userId={userId ?? (admin && user !== "" ? user : undefined)} />
      <Choice name="status" label="Status" data={STATUS_CHOICES} />
      <RequestFilter />
      {admin && <Chip name="team" label="Team" />}
      <Chip name="key" label="Key" />
      <Chip name="end_user" label="Person" />
      <Chip name="upstream" label="Upstream" />
      <Chip name="endpoint" label="Endpoint" />
      <Chip name="tag" label="Tag" />
    </>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  data: { value: string; label: string }[];
}

function Choice({ name, label, data }: ChoiceProps) {
  const [value, set] = useFilter(name);
  // The choice that the URL names is shown even if it no longer exists.
  const choices = value === "" || data.some((choice) => choice.value === value) ? data : [...data, { value, label: value }];
  return (
    <Select
      className={classes["filter"] ?? ""}
      size="xs"
      aria-label={label}
      placeholder={`Any ${label.toLowerCase()}`}
      data={choices}
      value={value === "" ? null : value}
      onChange={(chosen) => set(chosen ?? "")}
      clearable
      clearButtonProps={{ "aria-label": `Any ${label.toLowerCase()}` }}
    />
  );
}

/** The models that were used in the period. */
function ModelFilter({ userId }: { userId: string | undefined }) {
  const period = usePeriod();
  const { data } = useSummary(period, "model", userId === undefined ? {} : { userId });
  const names = (data?.data ?? []).flatMap(({ model }) => (model === null || model === undefined ? [] : [model])).sort();
  return <Choice name="model" label="Model" data={names.map((value) => ({ value, label: value }))} />;
}

const SUGGESTIONS = 20;

/** A user, searched by name, as there may be thousands. */
function UserFilter() {
  const [value, set] = useFilter("user");
  const [typed, setTyped] = useState(value);
  const [q] = useDebouncedValue(typed === value ? "" : typed, 200);
  const { data } = useQuery({
    queryKey: ["users", "named", q],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/admin/users", { params: { query: { q, limit: SUGGESTIONS } } })),
  });
  const names = data?.data.map(({ user_id }) => user_id) ?? [];
  return (
    <Select
      className={classes["filter"] ?? ""}
      size="xs"
      aria-label="User"
      placeholder="Any user"
      searchable
      searchValue={typed}
      onSearchChange={setTyped}
      // The gateway has already filtered them, by id and by name.
      filter={({ options }) => options}
      data={value === "" || names.includes(value) ? names : [value, ...names]}
      value={value === "" ? null : value}
      onChange={(chosen) => set(chosen ?? "")}
      nothingFoundMessage="Nobody of that name"
      clearable
      clearButtonProps={{ "aria-label": "Any user" }}
    />
  );
}

/** The id of a request, or the beginning of it; it applies when the field is left, or at Enter. */
function RequestFilter() {
  const [value, set] = useFilter("request_id");
  const apply = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    const typed = currentTarget.value.trim();
    if (typed !== value) set(typed);
  };
  return (
    <TextInput
      // The field follows the URL when that changes otherwise.
      key={value}
      className={classes["filter"] ?? ""}
      size="xs"
      type="search"
      aria-label="Request"
      placeholder="Request id"
      defaultValue={value}
      spellCheck={false}
      onBlur={apply}
      onKeyDown={(event) => {
        if (event.key === "Enter") apply(event);
      }}
    />
  );
}

/** A filter that links set and only this removes. */
function Chip({ name, label }: { name: string; label: string }) {
  const [params] = useSearchParams();
  const [, set] = useFilter(name);
  const value = params.get(name);
  if (value === null) return null;
  return (
    <span className={classes["chip"]}>
      {label} {value === "" ? "none" : name === "key" ? <KeyName id={value} /> : name === "end_user" ? <PersonName id={value} /> : <Name text={value} />}
      <CloseButton size="xs" aria-label={`Any ${label.toLowerCase()}`} onClick={() => set("")} />
    </span>
  );
}
