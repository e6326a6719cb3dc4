import { limitName } from "~/features/limits/names";
import { type Reading, sharesOf, stateOf } from "~/features/limits/readings";
import { useClock } from "~/ui/clock";
import { cents, decimal, exactUsd } from "~/ui/format/money";
import { compact, count } from "~/ui/format/numbers";
import { relative } from "~/ui/format/times";
import { Meter, MeterBar } from "~/ui/Meter";
import { Exact } from "~/ui/Times";

/** One limit: how much is used, reserved and left, and when it resets. Dense: the bar alone. */
export function LimitMeter({ name, reading, dense = false }: { name: string; reading: Reading; dense?: boolean }) {
  const clock = useClock();
  const { label, unit } = limitName(name);
  const { used, reserved, remaining, limit, resets_at: resetsAt } = reading;
  const write = (value: number) => (unit === "usd" ? cents(decimal(value)) : compact(value));
  const exact = (value: number) => (unit === "usd" ? exactUsd(decimal(value)) : `${count(value)} ${unit}`);
  const sentence = `${label}: ${exact(used)} used, ${exact(reserved)} reserved, ${exact(remaining)} left of ${exact(limit)}`;
  const resets = resetsAt === null ? null : new Date(resetsAt);
  const tip = (
    <>
      {sentence}
      {resets !== null && (
        <>
          <br />
          empty again <Exact at={resets} />
        </>
      )}
    </>
  );
  const bar = { ...sharesOf(reading), state: stateOf(reading), sentence, tip };
  if (dense) return <MeterBar {...bar} focusable={false} />;
  return (
    <Meter
      {...bar}
      label={label}
      texts={{ used: write(used), limit: write(limit), remaining: write(remaining) }}
      note={resets !== null && <>resets {relative(resets, new Date(), clock)}</>}
    />
  );
}
