import { waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { useTimeline } from "~/features/explorer/explorer";

import { answer, sessionOf, showHook } from "../../render";
import { asked, row } from "./samples";

afterEach(() => {
  vi.restoreAllMocks();
});

it("reads a chart's rows to the last page: what was not fetched does not look like nothing", async () => {
  const day = (at: number) => row({ day: new Date(Date.UTC(2022, 0, 1 + at)).toISOString().slice(0, 10), requests: 1 });
  const days = Array.from({ length: 1500 }, (_, at) => day(at));
  const read = vi.spyOn(api, "GET").mockImplementation(((_: string, { params: { query } }: { params: { query: { limit: number; after?: string } } }) => {
    const start = Number(query.after ?? 0);
    const end = start + query.limit;
    return Promise.resolve(answer({ data: days.slice(start, end), next: end < days.length ? String(end) : null, total: row({}) }));
  }) as never);
  const here = asked("period=custom&from=2022-01-01&to=2026-11-20&group_by=hour&figure=latency_p95");
  const { result } = showHook(() => useTimeline(here), { session: sessionOf("admin") });
  await waitFor(() => expect(result.current.data?.all).toHaveLength(1500));
  expect(result.current.data?.unit).toBe("day");
  expect(read).toHaveBeenCalledTimes(2);
});
