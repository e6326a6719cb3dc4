import type { Job, JobPart } from "~/features/pulls/jobs";
import { Amount, JobTrack, Pace, PartState } from "~/features/pulls/JobState";
import { shortDigest } from "~/features/models/places";
import { count } from "~/ui/format/numbers";
import { RelativeTime } from "~/ui/Times";

import classes from "./JobsPanel.module.css";

/** A pull at each of its upstreams, by layer. */
export function JobDetails({ job }: { job: Job }) {
  return (
    <ul className={classes["parts"]} aria-label={`Upstreams of the pull of ${job.model}`}>
      {job.upstreams.map((part) => (
        <Part key={part.upstream} part={part} />
      ))}
    </ul>
  );
}

function Part({ part }: { part: JobPart }) {
  const { upstream, state, status, attempt, retry_at: retryAt, error, layers } = part;
  return (
    <li className={classes["part"]}>
      <div className={classes["partHead"]}>
        <span className={classes["upstream"]}>{upstream}</span>
        <PartState of={part} />
        <span className={classes["status"]}>
          {state === "running" && status}
          {state === "queued" && "other pulls go first there"}
          {retryAt !== null && (
            <>
              tried again <RelativeTime at={retryAt} />
            </>
          )}
          {attempt > 1 && ` (attempt ${count(attempt)})`}
        </span>
        <span className={classes["figures"]}>
          <Pace of={part} />
        </span>
      </div>
      {error !== null && <p className={classes["error"]}>{error.message}</p>}
      {layers.length > 0 && (
        <ul className={classes["layers"]} aria-label={`Layers at ${upstream}`}>
          {layers.map((layer) => (
            <li key={layer.digest} className={classes["layer"]}>
              <span className={classes["digest"]} title={layer.digest}>
                {layerName(layer.digest)}
              </span>
              <JobTrack label={`Layer ${layerName(layer.digest)}`} of={layer} state={layer.completed_bytes === layer.total_bytes ? "succeeded" : state} />
              <span className={classes["amount"]}>
                <Amount of={layer} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function layerName(digest: string): string {
  return shortDigest(digest.replace(/^sha256:/, ""));
}
