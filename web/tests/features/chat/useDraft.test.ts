import { act } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";

import { useDraft } from "~/features/chat/useDraft";

import { showHook } from "../../render";

beforeEach(() => window.sessionStorage.clear());

it("what is not sent is there again when the page is, for whoever wrote it", () => {
  const first = showHook(() => useDraft("ann", undefined));
  act(() => first.result.current.setText("Half a que"));
  first.unmount();
  expect(showHook(() => useDraft("bob", undefined)).result.current.text).toBe("");
  const again = showHook(() => useDraft("ann", undefined));
  expect(again.result.current.text).toBe("Half a que");
  act(() => again.result.current.clear());
  again.unmount();
  expect(showHook(() => useDraft("ann", undefined)).result.current.text).toBe("");
});
