/** Pulls as the API gives them. */
import type { Job, JobPart } from "~/features/pulls/jobs";

export function part(given: Partial<JobPart> = {}): JobPart {
  return {
    upstream: "attic",
    state: "running",
    status: "pulling aaaaaaaaaaaa",
    attempt: 1,
    retry_at: null,
    error: null,
    total_bytes: 0,
    completed_bytes: 0,
    bytes_per_second: null,
    seconds_left: null,
    layers: [],
    ...given,
  };
}

export function job(given: Partial<Job> = {}): Job {
  return {
    object: "job",
    id: "job_1",
    type: "pull",
    model: "tiny",
    state: "running",
    created_at: "2026-11-20T12:00:00.000Z",
    created_by: "boss",
    ended_at: null,
    total_bytes: 0,
    completed_bytes: 0,
    bytes_per_second: null,
    seconds_left: null,
    upstreams: [part()],
    ...given,
  };
}
