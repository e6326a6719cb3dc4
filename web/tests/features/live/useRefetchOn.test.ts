import { act } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { useRefetchOn } from "~/features/live/useRefetchOn";

import { showHook } from "../../render";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("reads queries again once for all changes of a while, and not for the first that is known", () => {
  let mark = "";
  const { queries, rerender, unmount } = showHook(() => useRefetchOn(mark, [["summary"]], 2_000));
  const read = vi.spyOn(queries, "invalidateQueries");
  const change = (next: string) => {
    mark = next;
    rerender();
  };
  const pass = (ms: number) => {
    act(() => {
      vi.advanceTimersByTime(ms);
    });
  };
  change("1 request");
  pass(10_000);
  expect(read).not.toHaveBeenCalled();
  change("2 requests");
  pass(1_000);
  change("3 requests");
  expect(read).not.toHaveBeenCalled();
  pass(1_000);
  expect(read.mock.calls).toEqual([[{ queryKey: ["summary"] }]]);
  change("4 requests");
  pass(1_999);
  expect(read).toHaveBeenCalledTimes(1);
  pass(1);
  expect(read).toHaveBeenCalledTimes(2);
  change("5 requests");
  unmount();
  pass(10_000);
  expect(read).toHaveBeenCalledTimes(2);
});
