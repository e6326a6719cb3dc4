import type { Call } from "~/features/calls/bill";
import { phasesOf } from "~/features/calls/timeline";
import { count } from "~/ui/format/numbers";
import { duration } from "~/ui/format/times";

import classes from "./CallDetail.module.css";

/** The phases of a call as one bar, to scale, and in figures. */
export function CallTimeline({ call }: { call: Call }) {
  const phases = phasesOf(call);
  return (
    <>
      <div className={classes["bar"]} aria-hidden>
        {phases.map(({ id, share }) => share > 0 && <div key={id} data-part={id} style={{ flexGrow: share }} />)}
      </div>
      <dl className={classes["phases"]}>
        {phases.map(({ id, label, ms, share }) => (
          <div key={id}>
            <dt>
              <span className={classes["swatch"]} data-part={id} aria-hidden />
              {label}
            </dt>
            <dd title={`${count(ms)} ms`}>{duration(ms)}</dd>
            <dd className={classes["share"]}>{Math.round(share * 100)} %</dd>
          </div>
        ))}
        <div className={classes["whole"]}>
          <dt>In all</dt>
          <dd title={`${count(call.latency_ms)} ms`}>{duration(call.latency_ms)}</dd>
          <dd className={classes["share"]}>{speed(call)}</dd>
        </div>
      </dl>
    </>
  );
}

/** Output tokens per second from the first token on. */
function speed({ completion_tokens: tokens, first_token_ms: first, latency_ms: end }: Call): string {
  if (first === null || end - first < 50 || tokens < 2) return "";
  const perSecond = ((tokens - 1) * 1000) / (end - first);
  return `${perSecond < 100 ? perSecond.toFixed(1) : count(Math.round(perSecond))} tokens/s`;
}
