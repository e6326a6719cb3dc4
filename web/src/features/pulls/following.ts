/** The progress of one job, pushed by the gateway. A browser opens only six connections to a host over HTTP/1.1, so a page follows
 * one job at a time, and none while it is hidden. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { isRunning, type Job, putJob } from "~/features/pulls/jobs";

const RETRY_MS = 5_000;

/** Keep a job in the list up to date until it ends; null: none. */
export function useFollowedJob(id: string | null): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (id === null) return undefined;
    return whileVisible(() => follow(id, (job) => putJob(queries, job)));
  }, [id, queries]);
}

/** Open the stream of a job, and reopen it when it is lost, until the job ends or the returned function is called. */
export function follow(id: string, onJob: (job: Job) => void): () => void {
  let source: EventSource | null = null;
  let timer: number | undefined;
  const open = () => {
    const opened = new EventSource(`/admin/jobs/${encodeURIComponent(id)}/events`);
    source = opened;
    opened.addEventListener("job", (event: MessageEvent<string>) => {
      const job = JSON.parse(event.data) as Job;
      // The gateway ends the stream; the browser would open it again.
      if (!isRunning(job)) opened.close();
      onJob(job);
    });
    opened.addEventListener("error", () => {
      // After a refusal the browser does not try again on its own.
      if (opened.readyState === EventSource.CLOSED) timer = window.setTimeout(open, RETRY_MS);
    });
  };
  open();
  return () => {
    window.clearTimeout(timer);
    source?.close();
  };
}

function whileVisible(start: () => () => void): () => void {
  let stop: (() => void) | null = null;
  const update = () => {
    if (document.hidden) {
      stop?.();
      stop = null;
    } else stop ??= start();
  };
  document.addEventListener("visibilitychange", update);
  update();
  return () => {
    document.removeEventListener("visibilitychange", update);
    stop?.();
  };
}
