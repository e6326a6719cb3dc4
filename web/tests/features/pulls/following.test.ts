import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { follow } from "~/features/pulls/following";
import type { Job } from "~/features/pulls/jobs";

import { job } from "./samples";

class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static opened: Stream[] = [];
  readyState = 1;

  constructor(readonly url: string) {
    super();
    Stream.opened.push(this);
  }

  close() {
    this.readyState = Stream.CLOSED;
  }

  tell(told: Job) {
    this.dispatchEvent(new MessageEvent("job", { data: JSON.stringify(told) }));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  Stream.opened = [];
  vi.stubGlobal("EventSource", Stream);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("tells each state of the job, and closes the stream at its end, which the browser would open again", () => {
  const seen: Job["state"][] = [];
  follow("job_1", ({ state }) => seen.push(state));
  const [stream] = Stream.opened;
  expect(stream?.url).toBe("/admin/jobs/job_1/events");
  stream?.tell(job());
  expect(stream?.readyState).toBe(1);
  stream?.tell(job({ state: "succeeded" }));
  expect(seen).toEqual(["running", "succeeded"]);
  expect(stream?.readyState).toBe(Stream.CLOSED);
});

it("opens the stream again after a refusal, until it is stopped", () => {
  const stop = follow("job_1", vi.fn());
  Stream.opened[0]?.close();
  Stream.opened[0]?.dispatchEvent(new Event("error"));
  vi.runAllTimers();
  expect(Stream.opened).toHaveLength(2);
  // The browser itself comes back where the connection was merely lost.
  Stream.opened[1]?.dispatchEvent(new Event("error"));
  vi.runAllTimers();
  expect(Stream.opened).toHaveLength(2);
  Stream.opened[1]?.close();
  Stream.opened[1]?.dispatchEvent(new Event("error"));
  stop();
  vi.runAllTimers();
  expect(Stream.opened).toHaveLength(2);
});
