import { Button, Group, Popover, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { type MouseEvent, type SyntheticEvent, useState } from "react";

import { type Clock, useClock, UTC, zoneNote } from "~/ui/clock";
import { daysOf, type Period, type PeriodName, PERIODS, spanOf, spanOfDays, usePeriod } from "~/ui/period";
import { useChangeParams } from "~/ui/urlState";

import classes from "./PeriodPicker.module.css";

/** Chooses the period of a page, in its URL. Always at the top right. */
export function PeriodPicker() {
  const period = usePeriod();
  const clock = useClock();
  const days = daysOf(period, clock);
  const changeParams = useChangeParams();
  const [choosing, setChoosing] = useState(false);
  const [reversed, setReversed] = useState(false);
  const choose = (name: PeriodName, span: { from: string; to: string } | null) => {
    changeParams((next) => {
      for (const old of ["after", "from", "to"]) next.delete(old);
      next.set("period", name);
      if (span !== null) {
        next.set("from", span.from);
        next.set("to", span.to);
      }
    });
  };
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const span = spanOfDays(text(fields.get("from")), text(fields.get("to")), clock);
    setReversed(span === null);
    if (span === null) return;
    choose("custom", span);
    setChoosing(false);
  };
  const open = () => {
    setReversed(false);
    setChoosing(true);
  };
  // Pressing the choice that is already made is no change.
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
          data={Object.keys(PERIODS).map((name) => ({ value: name, label: <Label name={name as PeriodName} period={period} clock={clock} /> }))}
          onClick={press}
          onChange={(name) => (name === "custom" ? open() : choose(name as PeriodName, null))}
        />
      </Popover.Target>
      <Popover.Dropdown>
        <form onSubmit={submit} onChange={() => setReversed(false)}>
          <Group align="flex-start" gap="xs">
            <TextInput type="date" label="From" name="from" size="xs" w={150} required defaultValue={days.first} data-autofocus />
            <TextInput
              type="date"
              label={`To${zoneNote(clock)}`}
              name="to"
              size="xs"
              w={150}
              required
              error={reversed && "This is before “From”. Choose the same day or a later one."}
              defaultValue={days.last}
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

/** A choice by its name, or by its dates once they were chosen. */
function Label({ name, period, clock }: { name: PeriodName; period: Period; clock: Clock }) {
  const chosen = name === "custom" && period.name === "custom";
  return (
    <Tooltip label={`Days begin at 00:00 ${clock.zone === UTC.zone ? "UTC" : "here"}`}>
      <span>
        {chosen && <span className="visually-hidden">{PERIODS.custom}: </span>}
        {chosen ? spanOf(period, new Date(), clock) : PERIODS[name]}
      </span>
    </Tooltip>
  );
}

function text(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value : "";
}
