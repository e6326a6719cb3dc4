import { Select, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";

import { useMonths } from "~/features/invoices/invoices";
import { monthWords } from "~/ui/format/times";
import { useFilter } from "~/ui/urlState";

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
  const [user, setUser] = useFilter("user");
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
      <UserFilter key={user} user={user} onChange={setUser} />
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
