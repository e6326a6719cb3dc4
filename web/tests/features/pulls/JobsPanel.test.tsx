import { screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import type { Job } from "~/features/pulls/jobs";
import { JobsPanel } from "~/features/pulls/JobsPanel";
import { NoticesContext } from "~/ui/useNotices";

import { answer, refusal, sessionOf, show } from "../../render";
import { job, part } from "./samples";

const streams: string[] = [];

beforeEach(() => {
  streams.length = 0;
  vi.stubGlobal(
    "EventSource",
    class extends EventTarget {
      constructor(url: string) {
        super();
        streams.push(url);
      }
      close = vi.fn();
    },
  );
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function open(jobs: Job[]) {
  const listed = { jobs };
  const pull = vi.fn();
  const notify = vi.fn();
  vi.spyOn(api, "GET").mockImplementation(() => Promise.resolve(answer({ data: listed.jobs, has_more: false, next: null })));
  const shown = show(
    <NoticesContext value={{ notify }}>
      <JobsPanel onPull={pull} />
    </NoticesContext>,
    { session: sessionOf("admin") },
  );
  return { ...shown, listed, pull, notify };
}

const RUNNING = job({
  id: "job_2",
  model: "big",
  total_bytes: 800_000_000,
  completed_bytes: 500_000_000,
  bytes_per_second: 12_300_000,
  seconds_left: 24.4,
  upstreams: [
    part({
      total_bytes: 800_000_000,
      completed_bytes: 500_000_000,
      attempt: 2,
      layers: [
        { digest: `sha256:${"a".repeat(64)}`, total_bytes: 400_000_000, completed_bytes: 400_000_000 },
        { digest: `sha256:${"b".repeat(64)}`, total_bytes: 400_000_000, completed_bytes: 100_000_000 },
      ],
    }),
  ],
});

it("shows how far a pull is, its rate and time left, by layer; and follows it by its stream", async () => {
  open([RUNNING, job({ id: "job_1", state: "succeeded", ended_at: "2026-11-20T12:00:00.000Z" })]);
  const bar = await screen.findByRole("progressbar", { name: "Pull of big" });
  expect(bar.getAttribute("aria-valuenow")).toBe("62");
  const layers = within(screen.getByRole("list", { name: "Layers at attic" }));
  expect(layers.getAllByRole("progressbar").map((layer) => layer.getAttribute("aria-valuenow"))).toEqual(["100", "25"]);
  const text = screen.getByRole("list", { name: "Pulls" }).textContent;
  expect(text).toContain("500 MB of 800 MB");
  expect(text).toContain("12.3 MB/s");
  expect(text).toContain("24 s left");
  expect(text).toContain("(attempt 2)");
  expect(streams).toEqual(["/admin/jobs/job_2/events"]);
});

it("hides and shows the details of each", async () => {
  const { user } = open([RUNNING]);
  const toggle = await screen.findByRole("button", { name: "big", expanded: true });
  await user.click(toggle);
  expect(screen.queryByRole("list", { name: "Layers at attic" })).toBeNull();
  await user.click(screen.getByRole("button", { name: "big", expanded: false }));
  expect(screen.getByRole("list", { name: "Layers at attic" })).toBeTruthy();
});

it("cancels what runs, and begins anew what failed", async () => {
  const failed = job({ id: "job_1", state: "failed", upstreams: [part({ state: "failed", error: { code: "disk_full", message: "The disk is full." } })] });
  const { user, pull, notify } = open([RUNNING, failed]);
  const cancel = vi.spyOn(api, "DELETE").mockResolvedValue(answer({ ...RUNNING, state: "cancelled" }));
  await user.click(await screen.findByRole("button", { name: "Cancel the pull of big" }));
  expect(cancel).toHaveBeenCalledWith("/admin/jobs/{job_id}", { params: { path: { job_id: "job_2" } } });
  expect(await screen.findByRole("button", { name: "Pull again: big" })).toBeTruthy();
  expect(notify).toHaveBeenCalledTimes(1);
  await user.click(screen.getByRole("button", { name: "tiny" }));
  expect(screen.getByText("The disk is full.")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Pull again: tiny" }));
  expect(pull).toHaveBeenCalledWith("tiny");
});

it("says when one has ended, once", async () => {
  const { listed, queries, notify } = open([RUNNING]);
  await screen.findByRole("progressbar", { name: "Pull of big" });
  listed.jobs = [{ ...RUNNING, state: "failed", upstreams: [part({ state: "succeeded" }), part({ upstream: "rack", state: "failed" })] }];
  await queries.invalidateQueries();
  await waitFor(() => expect(notify).toHaveBeenCalledWith({ state: "bad", text: "big could not be pulled at rack." }));
  listed.jobs = [job({ id: "job_3", model: "next" }), ...listed.jobs];
  await queries.invalidateQueries();
  await screen.findByText("next");
  expect(notify).toHaveBeenCalledTimes(1);
});

it("shows few of those that have ended, and all when asked", async () => {
  const ended = Array.from({ length: 6 }, (_, at) => job({ id: `job_${at}`, model: `m${at}`, state: "succeeded" }));
  const { user } = open(ended);
  await screen.findByText("m2");
  expect(screen.queryByText("m3")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Show 3 earlier" }));
  expect(screen.getByText("m5")).toBeTruthy();
});

it("takes no room where nothing was ever pulled, and says what went wrong", async () => {
  const { queries } = open([]);
  await waitFor(() => expect(queries.isFetching()).toBe(0));
  expect(screen.queryByText("Pulls")).toBeNull();
  vi.spyOn(api, "GET").mockResolvedValue(refusal(500, "The gateway failed."));
  await queries.invalidateQueries();
  expect((await screen.findByRole("alert")).textContent).toContain("The gateway failed.");
});
