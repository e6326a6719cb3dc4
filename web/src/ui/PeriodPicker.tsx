import { Button, Group, Popover, SegmentedControl, Text, TextInput, Tooltip } from "@mantine/core";
import { type MouseEvent, type SyntheticEvent, useState } from "react";

import { type Clock, useClock, UTC, zoneNote } from "~/ui/clock";
import { count } from "~/ui/format/numbers";
import { inputOf, LONGEST_DAYS, type Period, type PeriodName, PERIODS, type SpanFault, spanOf, spanOfInput, usePeriod } from "~/ui/period";
import { useChangeParams } from "~/ui/urlState";

import classes from "./PeriodPicker.module.css";

const FAULTS: Readonly<Record<SpanFault, string>> = {
  reversed: "This is before “From”. Choose the same day or a later one, and a later time.",
  "too long": `A period has at most ${count(LONGEST_DAYS)} days. Choose a later “From”, or an earlier “To”.`,
};

/** Chooses the period of a page, in its URL. Always at the top right. */
export function PeriodPicker() {
  const period = usePeriod();
  const clock = useClock();
  const input = inputOf(period, clock);
  const changeParams = useChangeParams();
  const [choosing, setChoosing] = useState(false);
  const [fault, setFault] = useState<SpanFault | null>(null);
  const choose = (name: PeriodName, span: { from: string; to: string } | null) => {
    changeParams((next) => {
      for (const old of ["after", "before", "from", "to"]) next.delete(old);
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
    const value = (name: string) => text(fields.get(name));
    const span = spanOfInput({ from: value("from"), fromTime: value("fromTime"), to: value("to"), toTime: value("toTime") }, clock);
    if (typeof span === "string") {
      setFault(span);
      return;
    }
    choose("custom", span);
    setChoosing(false);
  };
  const open = () => {
    setFault(null);
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
      <Popover.Dropdown className={classes["dates"] ?? ""}>
        <form onSubmit={submit} onChange={() => setFault(null)}>
          <Group align="flex-end" gap="xs">
            <TextInput type="date" label="From" name="from" size="xs" flex="1 1 130px" required defaultValue={input.from} data-autofocus />
            <TextInput type="time" label="Starting at" name="fromTime" size="xs" w={104} defaultValue={input.fromTime} />
          </Group>
          <Group align="flex-end" gap="xs" mt={8}>
            <TextInput type="date" label={`To${zoneNote(clock)}`} name="to" size="xs" flex="1 1 130px" required defaultValue={input.to} />
            <TextInput type="time" label="Ending at" name="toTime" size="xs" w={104} defaultValue={input.toTime} />
            <Button type="submit">Show</Button>
          </Group>
          {fault !== null && (
            <Text size="xs" c="var(--bad)" role="alert" mt={8} maw={340}>
              {FAULTS[fault]}
            </Text>
          )}
          <Text size="xs" c="dimmed" mt={8} maw={340}>
            Without times: whole days, the last one included.
          </Text>
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
