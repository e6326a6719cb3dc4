import { Tooltip } from "@mantine/core";
import { IconAlertCircle, IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

import type { Schemas } from "~/api/client";
import { cents, compact, count, decimal, exactUsd, relative, utc } from "~/parts/format";

import classes from "./Meter.module.css";

export type Usage = Schemas["UsageBody"];
export type Reading = NonNullable<Usage["tokens_per_day"]>;

/** How a limit is called, and in what it counts, by its name in the limits object. */
export function limitName(name: string): { label: string; unit: "usd" | "tokens" | "requests" } {
  // Of a model's own limit the name is "models.<model>.<limit>"; a model's name may hold dots itself.
  const own = /^models\.(.+)\.([a-z_]+)$/.exec(name);
  const field = own?.[2] ?? name;
  const unit = field.startsWith("cost_usd") ? "usd" : field.startsWith("tokens") ? "tokens" : "requests";
  const what = { usd: "Cost", tokens: "Tokens", requests: "Requests" }[unit];
  const span = /(?:per_(\w+)|(total)|max_(concurrent))/.exec(field);
  const words =
    span?.[3] !== undefined ? "Requests at once" : span?.[2] !== undefined ? `${what} in all` : `${what} per ${span?.[1] ?? "request"}`;
  return { label: own?.[1] === undefined ? words : `${words}, ${own[1]}`, unit };
}

export type MeterState = "fine" | "near" | "full";

export function stateOf(reading: Reading): MeterState {
  const taken = reading.used + reading.reserved;
  if (taken >= reading.limit) return "full";
  return taken * 10 >= reading.limit * 8 ? "near" : "fine";
}

function shares({ limit, used, reserved }: Reading): { used: number; reserved: number } {
  if (limit === 0) return { used: 1, reserved: 0 };
  // Corrections may make what was used less than nothing.
  const part = Math.min(1, Math.max(0, used / limit));
  return { used: part, reserved: Math.min(1 - part, reserved / limit) };
}

/** One limit: used solid, reserved hatched, the rest empty; in words how much, and when it begins anew. */
export function Meter({ name, reading, dense = false }: { name: string; reading: Reading; dense?: boolean }) {
  const { label, unit } = limitName(name);
  const share = shares(reading);
  const state = stateOf(reading);
  const write = (value: number) => (unit === "usd" ? cents(decimal(value)) : compact(value).join(" ").trim());
  const exact = (value: number) => (unit === "usd" ? exactUsd(decimal(value)) : `${count(value)} ${unit}`);
  const sentence = `${label}: ${exact(reading.used)} used, ${exact(reading.reserved)} reserved, ${exact(reading.remaining)} left of ${exact(reading.limit)}`;
  const bar = (
    <div
      className={classes["bar"]}
      role="meter"
      aria-label={sentence}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round((share.used + share.reserved) * 100)}
      data-state={state}
      tabIndex={dense ? -1 : 0}
    >
      <div className={classes["used"]} style={{ width: `${share.used * 100}%` }} />
      <div className={classes["reserved"]} style={{ width: `${share.reserved * 100}%` }} />
    </div>
  );
  if (dense) return <Tooltip label={<Told sentence={sentence} reading={reading} />}>{bar}</Tooltip>;
  return (
    <div className={classes["meter"]}>
      <div className={classes["line"]}>
        <span className={classes["label"]}>{label}</span>
        <span className="num">
          <StateIcon state={state} /> {write(reading.used)} <span className="unit">of {write(reading.limit)}</span>
        </span>
      </div>
      <Tooltip label={<Told sentence={sentence} reading={reading} />}>{bar}</Tooltip>
      <div className={classes["foot"]}>
        <span>{write(reading.remaining)} left</span>
        <span>
          <Resets reading={reading} />
        </span>
      </div>
    </div>
  );
}

function StateIcon({ state }: { state: MeterState }): ReactNode {
  if (state === "full") return <IconAlertCircle size={14} className={classes["full"]} role="img" aria-label="Used up" />;
  if (state === "near") return <IconAlertTriangle size={14} className={classes["near"]} role="img" aria-label="Nearly used up" />;
  return null;
}

function Resets({ reading }: { reading: Reading }) {
  if (reading.resets_at === null) return null;
  return <>resets {relative(new Date(reading.resets_at), new Date())}</>;
}

function Told({ sentence, reading }: { sentence: string; reading: Reading }) {
  return (
    <>
      {sentence}
      {reading.resets_at !== null && (
        <>
          <br />
          empty again at {utc(new Date(reading.resets_at))}
        </>
      )}
    </>
  );
}
