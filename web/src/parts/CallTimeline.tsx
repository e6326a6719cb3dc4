import type { Call } from "~/parts/bill";
import { count, duration } from "~/parts/format";
import { spansOf } from "~/parts/timeline";

import classes from "./CallDetail.module.css";

/** A call's time as one bar, to scale. */
export function CallTimeline({ call }: { call: Call }) {
  const spans = spansOf(call);
  return (
    <>
      <div className={classes["bar"]} aria-hidden>
        {spans.map(({ id, share }) => share > 0 && <div key={id} data-part={id} style={{ flexGrow: share }} />)}
      </div>
      <dl className={classes["spans"]}>
        {spans.map(({ id, label, ms, share }) => (
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

/** Output tokens per second, while it streamed. */
function speed({ completion_tokens: tokens, first_token_ms: first, latency_ms: end }: Call): string {
  if (first === null || end - first < 50 || tokens < 2) return "";
  return `${(((tokens - 1) * 1000) / (end - first)).toFixed(1)} tokens/s`;
}
