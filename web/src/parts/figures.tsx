/** Figures with their exact value on hover and focus. */
import { Tooltip } from "@mantine/core";
import { useSyncExternalStore } from "react";

import { cents, centsPlaces, compact, count, duration, exactUsd, millionths, moment, relative, utc } from "~/parts/format";

/** `places`: how many digits its column has room for behind the point, so that the points stand above each other. */
export function Money({ usd, places = 0 }: { usd: string; places?: number }) {
  const missing = Math.max(0, places - centsPlaces(usd));
  return (
    <Tooltip label={exactUsd(usd)}>
      <span className="num" {...(missing > 0 && { "data-room": "0".repeat(missing) })}>
        {cents(usd)}
      </span>
    </Tooltip>
  );
}

/** What a single call costs: often far less than a cent. */
export function SmallMoney({ usd }: { usd: string }) {
  return (
    <Tooltip label={exactUsd(usd)}>
      <span className="num">{millionths(usd)}</span>
    </Tooltip>
  );
}

export function Tokens({ value, unit }: { value: number; unit?: string }) {
  return <Compact value={value} unit={unit ?? ""} exact={`${count(value)} tokens`} />;
}

export function Count({ value, unit, of }: { value: number; unit?: string; of?: string }) {
  return <Compact value={value} unit={unit ?? ""} exact={`${count(value)} ${of ?? ""}`.trim()} />;
}

function Compact({ value, unit, exact }: { value: number; unit: string; exact: string }) {
  const [figure, scale] = compact(value);
  const shown = (
    <span className="num">
      {figure}
      {(scale !== "" || unit !== "") && <span className="unit">{` ${scale}${scale !== "" && unit !== "" ? " " : ""}${unit}`}</span>}
    </span>
  );
  return scale === "" ? shown : <Tooltip label={exact}>{shown}</Tooltip>;
}

export function Took({ ms }: { ms: number | null | undefined }) {
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

/** How long ago, kept true while it is shown; local and UTC on hover. */
export function Ago({ at, never = "never" }: { at: string | null | undefined; never?: string }) {
  const now = useMinute();
  if (at === null || at === undefined) return <span className="unit">{never}</span>;
  const then = new Date(at);
  // The clock of these words is a little behind: what it calls the near future is now.
  const ahead = then.getTime() - now;
  return (
    <Tooltip label={<When at={then} />}>
      <time className="num" dateTime={at}>
        {relative(then, ahead > 0 && ahead < TICK_MS ? then : new Date(now))}
      </time>
    </Tooltip>
  );
}

/** A moment, local; UTC on hover. */
export function Moment({ at }: { at: string }) {
  const then = new Date(at);
  return (
    <Tooltip label={utc(then)}>
      <time className="num" dateTime={at}>
        {moment(then)}
      </time>
    </Tooltip>
  );
}

function When({ at }: { at: Date }) {
  return (
    <span className="num">
      {moment(at)} here
      <br />
      {utc(at)}
    </span>
  );
}

const TICK_MS = 15_000;

function useMinute(): number {
  return useSyncExternalStore(onTick, thisTick);
}

function onTick(changed: () => void): () => void {
  const timer = window.setInterval(changed, TICK_MS);
  return () => window.clearInterval(timer);
}

function thisTick(): number {
  return Math.floor(Date.now() / TICK_MS) * TICK_MS;
}
