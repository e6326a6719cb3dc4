/** Pulls of models: the jobs that there are, how far they are, and changes to them. */
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { api, body, messageOf, type Schemas } from "~/api/client";
import { ALL_MODELS } from "~/features/models/models";
import { useNotices } from "~/ui/useNotices";

export type Job = Schemas["JobBody"];
export type JobPart = Schemas["JobPartBody"];

const JOBS = ["admin", "jobs"] as const;
const LISTED = 100;
/** The one job that is followed tells of itself; the others are asked for. */
const RUNNING_MS = 2_000;
const IDLE_MS = 15_000;

/** The newest jobs, the newest first. */
export function useJobs() {
  return useQuery({
    queryKey: JOBS,
    queryFn: async () => (await body(api.GET("/admin/jobs", { params: { query: { limit: LISTED } } }))).data,
    refetchInterval: ({ state }) => (state.data?.some(isRunning) === true ? RUNNING_MS : IDLE_MS),
  });
}

export function isRunning({ state }: Pick<Job, "state">): boolean {
  return state === "running";
}

/** Put a job into the list that is shown, in its place or at the front. */
export function putJob(queries: QueryClient, job: Job): void {
  queries.setQueryData<Job[]>(JOBS, (jobs) => jobs && withJob(jobs, job));
}

export function withJob(jobs: readonly Job[], job: Job): Job[] {
  return jobs.some(({ id }) => id === job.id) ? jobs.map((other) => (other.id === job.id ? job : other)) : [job, ...jobs];
}

/** When jobs end that were seen running: say so, and read the models again. */
export function useEndings(jobs: readonly Job[] | undefined): void {
  const queries = useQueryClient();
  const { notify } = useNotices();
  const running = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (jobs === undefined) return;
    const ended = jobs.filter((job) => running.current.has(job.id) && !isRunning(job));
    running.current = new Set(jobs.filter(isRunning).map(({ id }) => id));
    if (ended.length === 0) return;
    void queries.invalidateQueries({ queryKey: ALL_MODELS });
    for (const job of ended) {
      if (job.state === "succeeded") notify({ state: "good", text: `${job.model} is pulled.` });
      if (job.state === "failed") notify({ state: "bad", text: `${job.model} could not be pulled${whereFailed(job)}.` });
    }
  }, [jobs, queries, notify]);
}

function whereFailed({ upstreams }: Job): string {
  const failed = upstreams.filter(({ state }) => state === "failed").map(({ upstream }) => upstream);
  return failed.length === upstreams.length ? "" : ` at ${failed.join(", ")}`;
}

export interface JobChanges {
  /** Rejects with the gateway's error. */
  pull: (form: Schemas["PullForm"]) => Promise<Job>;
  cancel: (job: Job) => Promise<void>;
}

export function useJobChanges(): JobChanges {
  const queries = useQueryClient();
  const { notify } = useNotices();
  return {
    async pull(form) {
      const job = await body(api.POST("/admin/models/pull", { body: form }));
      putJob(queries, job);
      return job;
    },
    async cancel({ id, model }) {
      try {
        putJob(queries, await body(api.DELETE("/admin/jobs/{job_id}", { params: { path: { job_id: id } } })));
        notify({ state: "good", text: `The pull of ${model} is cancelled. What has arrived stays, for the next one.` });
      } catch (error) {
        notify({ state: "bad", text: messageOf(error) });
      }
    },
  };
}

/** What a job does, in a word. One that runs may wait everywhere. */
export type JobPhase = Exclude<Job["state"], "running"> | "pulling" | "waiting" | "in line";

export function phaseOf({ state, upstreams }: Pick<Job, "state" | "upstreams">): JobPhase {
  if (state !== "running") return state;
  const states = new Set(upstreams.map((part) => part.state));
  if (states.has("running")) return "pulling";
  return states.has("waiting") ? "waiting" : "in line";
}
