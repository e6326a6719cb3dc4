/** Times and durations, with the exact ones on hover and focus. */
import { Tooltip } from "@mantine/core";

import { useClock, UTC, viewersClock } from "~/ui/clock";
import { count } from "~/ui/format/numbers";
import { duration, local, relative, timestamp, utc } from "~/ui/format/times";
import { useNow } from "~/ui/useNow";

export function Duration({ ms }: { ms: number | null | undefined }) {
  if (ms === null || ms === undefined) return <span className="unit">–</span>;
  const [figure = "", ...rest] = duration(ms).split(" ");
  return (
    <Tooltip label={`${count(ms)} ms`}>
      <span className="num">
        {figure} <span className="unit">{rest.join(" ")}</span>
      </span>
    </Tooltip>
  );
}

const TICK_MS = 15_000;

/** How long ago, or how far ahead, a moment is; kept up to date while it is shown. */
export function RelativeTime({ at, never = "never" }: { at: string | null | undefined; never?: string }) {
  const now = useNow(TICK_MS);
  const clock = useClock();
  if (at === null || at === undefined) return <span className="unit">{never}</span>;
  const then = new Date(at);
  // `now` may be up to a tick behind: what it takes for the near future is the present.
  const ahead = then.getTime() - now;
  return (
    <Tooltip label={<Exact at={then} />}>
      <time className="num" dateTime={at}>
        {relative(then, ahead > 0 && ahead < TICK_MS ? then : new Date(now), clock)}
      </time>
    </Tooltip>
  );
}

/** A moment on the page's clock, to the second. */
export function Timestamp({ at }: { at: string }) {
  const clock = useClock();
  const then = new Date(at);
  return (
    <Tooltip label={<Exact at={then} />}>
      <time className="num" dateTime={at}>
        {timestamp(then, clock)}
      </time>
    </Tooltip>
  );
}

/** A moment on both clocks, the viewer's own and UTC. */
export function Exact({ at }: { at: Date }) {
  const here = viewersClock();
  return (
    <span className="num">
      {here.zone !== UTC.zone && (
        <>
          {local(at, here)} here
          <br />
        </>
      )}
      {utc(at)}
    </span>
  );
}
