import { Button, Group, Popover, SegmentedControl, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";
import { useSearchParams } from "react-router";

import { type PeriodName, PERIODS, usePeriod } from "~/parts/period";

import classes from "./Page.module.css";

/** Which span of time the page shows; always at the top right, always in the URL. */
export function PeriodPicker() {
  const period = usePeriod();
  const [, setParams] = useSearchParams();
  const [choosing, setChoosing] = useState(false);
  const choose = (name: PeriodName, span: { from: string; to: string } | null) => {
    setParams((old) => {
      const next = new URLSearchParams(old);
      for (const gone of ["after", "from", "to"]) next.delete(gone);
      next.set("period", name);
      if (span !== null) {
        next.set("from", span.from);
        next.set("to", span.to);
      }
      return next;
    });
  };
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    choose("custom", { from: text(fields.get("from")), to: text(fields.get("to")) });
    setChoosing(false);
  };
  return (
    <Popover opened={choosing} onChange={setChoosing} position="bottom-end" trapFocus transitionProps={{ duration: 100 }}>
      <Popover.Target>
        <SegmentedControl
          className={classes["period"] ?? ""}
          size="xs"
          aria-label="Period"
          value={period.name}
          data={Object.entries(PERIODS).map(([value, label]) => ({ value, label }))}
          onChange={(name) => (name === "custom" ? setChoosing(true) : choose(name as PeriodName, null))}
        />
      </Popover.Target>
      <Popover.Dropdown>
        <form onSubmit={submit}>
          <Group align="flex-end" gap="xs">
            <TextInput type="date" label="From" name="from" size="xs" required defaultValue={period.from.slice(0, 10)} data-autofocus />
            <TextInput
              type="date"
              label="To (UTC)"
              name="to"
              size="xs"
              required
              defaultValue={new Date(Date.parse(period.to) - 1).toISOString().slice(0, 10)}
            />
            <Button type="submit">Show</Button>
          </Group>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}

function text(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value : "";
}
