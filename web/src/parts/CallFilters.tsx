import { CloseButton, Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "~/api/client";
import { STATUSES } from "~/parts/calls";
import { useFilter, usePeriod } from "~/parts/period";
import { useSummary } from "~/parts/usage";

import classes from "./Calls.module.css";

const STATUS_CHOICES = Object.entries(STATUSES).map(([value, label]) => ({ value, label }));

/** What narrows the calls down, each kept in the URL. An admin chooses the user, too, unless the page is about one. */
export function CallFilters({ admin, userId }: { admin: boolean; userId?: string }) {
  const [user] = useFilter("user");
  return (
    <>
      {admin && userId === undefined && <UserFilter />}
      <ModelFilter userId={userId ?? (admin && user !== "" ? user : undefined)} />
      <Choice name="status" label="Status" data={STATUS_CHOICES} />
      <KeyFilter />
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
  // What the link asks for is shown, even where it is no longer among what there is.
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

/** The models of this period's calls. */
function ModelFilter({ userId }: { userId: string | undefined }) {
  const period = usePeriod();
  const { data } = useSummary(period, "model", userId);
  const names = (data?.data ?? []).flatMap(({ model }) => (model === null || model === undefined ? [] : [model])).sort();
  return <Choice name="model" label="Model" data={names.map((value) => ({ value, label: value }))} />;
}

const SUGGESTIONS = 20;

/** A user, found by the beginning of a name: there may be thousands. */
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
      // The gateway has filtered them already, by display name as well.
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

/** One key's calls: chosen on the page of keys, and taken away here. */
function KeyFilter() {
  const [value, set] = useFilter("key");
  if (value === "") return null;
  return (
    <span className={classes["chip"]}>
      Key {value}
      <CloseButton size="xs" aria-label="Any key" onClick={() => set("")} />
    </span>
  );
}
