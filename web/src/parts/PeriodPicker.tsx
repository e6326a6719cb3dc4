import { Button, Group, Popover, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { type MouseEvent, type SyntheticEvent, useState } from "react";
import { useSearchParams } from "react-router";

import { type Period, type PeriodName, PERIODS, spanOf, usePeriod } from "~/parts/period";

import classes from "./Page.module.css";

/** Which span of time the page shows; always at the top right, always in the URL. */
export function PeriodPicker() {
  const period = usePeriod();
  const [, setParams] = useSearchParams();
  const [choosing, setChoosing] = useState(false);
  const [turned, setTurned] = useState(false);
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
    const span = { from: text(fields.get("from")), to: text(fields.get("to")) };
    setTurned(span.to < span.from);
    if (span.to < span.from) return;
    choose("custom", span);
    setChoosing(false);
  };
  const open = () => {
    setTurned(false);
    setChoosing(true);
  };
  // What is chosen already does not change when it is pressed again.
  const press = ({ target }: MouseEvent) => {
    if (target instanceof HTMLInputElement && target.value === "custom") open();
  };
  return (
    <Popover opened={choosing} onChange={setChoosing} position="bottom-end" trapFocus transitionProps={{ duration: 100 }}>
      <Popover.Target>
        <SegmentedControl
          className={classes["period"] ?? ""}
          size="xs"
          aria-label="Period"
          value={period.name}
          data={Object.keys(PERIODS).map((name) => ({ value: name, label: <Label name={name as PeriodName} period={period} /> }))}
          onClick={press}
          onChange={(name) => (name === "custom" ? open() : choose(name as PeriodName, null))}
        />
      </Popover.Target>
      <Popover.Dropdown>
        <form onSubmit={submit} onChange={() => setTurned(false)}>
          <Group align="flex-start" gap="xs">
            <TextInput type="date" label="From" name="from" size="xs" w={150} required defaultValue={period.from.slice(0, 10)} data-autofocus />
            <TextInput
              type="date"
              label="To (UTC)"
              name="to"
              size="xs"
              w={150}
              required
              error={turned && "This is before “From”. Choose the same day or a later one."}
              defaultValue={new Date(Date.parse(period.to) - 1).toISOString().slice(0, 10)}
            />
            <Button type="submit" mt={20}>
              Show
            </Button>
          </Group>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}

/** The dates, where they were chosen. */
function Label({ name, period }: { name: PeriodName; period: Period }) {
  const chosen = name === "custom" && period.name === "custom";
  return (
    <Tooltip label={name === "today" ? "Days begin at 00:00 UTC" : "Days of UTC"}>
      <span>
        {chosen && <span className="visually-hidden">{PERIODS.custom}: </span>}
        {chosen ? spanOf(period, new Date()) : PERIODS[name]}
      </span>
    </Tooltip>
  );
}

function text(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value : "";
}
