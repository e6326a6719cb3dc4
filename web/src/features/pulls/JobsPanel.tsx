import { Button } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";

import { useFollowedJob } from "~/features/pulls/following";
import { JobDetails } from "~/features/pulls/JobDetails";
import { isRunning, type Job, useEndings, useJobChanges, useJobs } from "~/features/pulls/jobs";
import { JobFigures, JobState, JobTrack } from "~/features/pulls/JobState";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { count } from "~/ui/format/numbers";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { usePanel } from "~/ui/urlState";

import classes from "./JobsPanel.module.css";

const ENDED_SHOWN = 3;

/** In the URL: no job's details are shown, not even those of the one that runs. */
const NONE = "none";

/** Pulls, running and ended; there is nothing to see where there was none. */
export function JobsPanel({ onPull }: { onPull: (model: string) => void }) {
  const { data: jobs, error, refetch } = useJobs();
  const [chosen, choose] = usePanel("job");
  const [all, setAll] = useState(false);
  const running = jobs?.find(isRunning)?.id ?? null;
  const open = chosen === "" ? running : chosen;
  // The one whose details are shown or, if that has ended, one that runs.
  useFollowedJob(jobs?.find((job) => job.id === open && isRunning(job))?.id ?? running);
  useEndings(jobs);
  if (error !== null) {
    return (
      <Panel title="Pulls">
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      </Panel>
    );
  }
  if (jobs === undefined || jobs.length === 0) return null;
  const ended = jobs.filter((job) => !isRunning(job));
  const shown = all ? ended : ended.filter(({ id }, at) => at < ENDED_SHOWN || id === open);
  const hidden = ended.length - shown.length;
  return (
    <Panel title="Pulls" flush>
      <ul className={classes["jobs"]} aria-label="Pulls">
        {[...jobs.filter(isRunning), ...shown].map((job) => (
          <JobItem key={job.id} job={job} open={job.id === open} onToggle={() => choose(job.id === open ? NONE : job.id)} onPull={onPull} />
        ))}
      </ul>
      {hidden > 0 && (
        <div className={classes["more"]}>
          <Button variant="default" size="compact-xs" onClick={() => setAll(true)}>
            Show {count(hidden)} earlier
          </Button>
        </div>
      )}
    </Panel>
  );
}

interface ItemProps {
  job: Job;
  open: boolean;
  onToggle: () => void;
  onPull: (model: string) => void;
}

function JobItem({ job, open, onToggle, onPull }: ItemProps) {
  const { cancel } = useJobChanges();
  const [cancelling, setCancelling] = useState(false);
  const Chevron = open ? IconChevronDown : IconChevronRight;
  return (
    <li className={classes["job"]}>
      <div className={classes["head"]}>
        <button type="button" className={classes["toggle"]} aria-expanded={open} onClick={onToggle}>
          <Chevron size={14} aria-hidden />
          <span className={classes["model"]}>
            <Name text={job.model} tail={14} />
          </span>
        </button>
        <JobState of={job} />
        {isRunning(job) ? (
          <Button
            variant="default"
            size="compact-xs"
            loading={cancelling}
            aria-label={`Cancel the pull of ${job.model}`}
            onClick={() => {
              setCancelling(true);
              void cancel(job).finally(() => setCancelling(false));
            }}
          >
            Cancel
          </Button>
        ) : (
          job.state !== "succeeded" && (
            <Button variant="default" size="compact-xs" aria-label={`Pull again: ${job.model}`} onClick={() => onPull(job.model)}>
              Pull again
            </Button>
          )
        )}
      </div>
      {(job.total_bytes > 0 || isRunning(job)) && <JobTrack label={`Pull of ${job.model}`} of={job} state={job.state} />}
      <JobFigures of={job} />
      {open && <JobDetails job={job} />}
    </li>
  );
}
