import { Button, Group, Popover, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { type MouseEvent, type SyntheticEvent, useState } from "react";

import { type Period, type PeriodName, PERIODS, spanOf, usePeriod } from "~/ui/period";
import { useChangeParams } from "~/ui/urlState";

import classes from "./PeriodPicker.module.css";

/** Chooses the period of a page, in its URL. Always at the top right. */
export function PeriodPicker() {
  const period = usePeriod();
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
    const span = { from: text(fields.get("from")), to: text(fields.get("to")) };
    setReversed(span.to < span.from);
    if (span.to < span.from) return;
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
          data={Object.keys(PERIODS).map((name) => ({ value: name, label: <Label name={name as PeriodName} period={period} /> }))}
          onClick={press}
          onChange={(name) => (name === "custom" ? open() : choose(name as PeriodName, null))}
        />
      </Popover.Target>
      <Popover.Dropdown className={classes["dates"] ?? ""}>
        <form onSubmit={submit} onChange={() => setReversed(false)}>
          <Group align="flex-start" gap="xs">
            <TextInput type="date" label="From" name="from" size="xs" flex="1 1 130px" required defaultValue={period.from.slice(0, 10)} data-autofocus />
            <TextInput
              type="date"
              label="To (UTC)"
              name="to"
              size="xs"
              flex="1 1 130px"
              required
              error={reversed && "This is before “From”. Choose the same day or a later one."}
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

/** A choice by its name, or by its dates once they were chosen. */
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
