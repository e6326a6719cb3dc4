/** How far a pull is, by word, bar and figures; of a whole job, or of one upstream of it. */
import { IconAlertTriangle, IconCheck, IconDownload, IconHourglass, IconX } from "@tabler/icons-react";

import { type Job, type JobPart, type JobPhase, phaseOf } from "~/features/pulls/jobs";
import { Bytes } from "~/ui/Bytes";
import { byteParts } from "~/ui/format/numbers";
import { wholeSeconds } from "~/ui/format/times";
import { Progress } from "~/ui/Progress";
import { Status, type StatusLooks } from "~/ui/Status";
import { RelativeTime } from "~/ui/Times";

import classes from "./JobsPanel.module.css";

const LOOKS: StatusLooks<JobPhase> = {
  pulling: { tone: "plain", icon: IconDownload },
  waiting: { tone: "warn", icon: IconHourglass },
  "in line": { tone: "plain", icon: IconHourglass },
  succeeded: { tone: "good", icon: IconCheck },
  failed: { tone: "bad", icon: IconAlertTriangle },
  cancelled: { tone: "plain", icon: IconX },
};

const PHASES: Readonly<Record<JobPart["state"], JobPhase>> = {
  queued: "in line",
  running: "pulling",
  waiting: "waiting",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
};

export function JobState({ of }: { of: Job }) {
  return <Status of={phaseOf(of)} looks={LOOKS} />;
}

export function PartState({ of: { state } }: { of: JobPart }) {
  return <Status of={PHASES[state]} looks={LOOKS} />;
}

const TONES: Readonly<Partial<Record<JobPart["state"], "good" | "bad" | "plain">>> = { succeeded: "good", failed: "bad", cancelled: "plain" };

type Amounts = Pick<Job, "total_bytes" | "completed_bytes">;

export function JobTrack({ label, of, state }: { label: string; of: Amounts; state: JobPart["state"] }) {
  return <Progress label={label} done={of.completed_bytes} total={of.total_bytes} tone={TONES[state] ?? "running"} />;
}

export function Amount({ of: { total_bytes: total, completed_bytes: completed } }: { of: Amounts }) {
  if (total === 0) return <span>size not known yet</span>;
  return (
    <span>
      <Bytes value={completed} /> of <Bytes value={total} />
    </span>
  );
}

/** "1.2 GB of 4.9 GB   85.1 MB/s   43.5 s left" */
export function JobFigures({ of: job }: { of: Job }) {
  return (
    <div className={classes["figures"]}>
      {(job.total_bytes > 0 || job.state === "running") && <Amount of={job} />}
      <Pace of={job} />
      <span>
        {job.ended_at === null ? "begun " : "ended "}
        <RelativeTime at={job.ended_at ?? job.created_at} /> by {job.created_by}
      </span>
    </div>
  );
}

/** The rate, and the time left; nothing where neither is known. */
export function Pace({ of: { bytes_per_second: rate, seconds_left: left } }: { of: Pick<Job, "bytes_per_second" | "seconds_left"> }) {
  const [figure, unit] = byteParts(rate ?? 0);
  return (
    <>
      {rate !== null && (
        <span className="num">
          {figure} {unit}/s
        </span>
      )}
      {left !== null && <span className="num">{wholeSeconds(left)} left</span>}
    </>
  );
}
