import { screen } from "@testing-library/react";
import { expect, it } from "vitest";

import { UsageTiles } from "~/features/usage/UsageTiles";
import { Change } from "~/ui/Change";
import type { Period } from "~/ui/period";

import { show } from "../../render";

const sums = (requests: number) => ({ requests, prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, cost_usd: "0" }) as never;
const before = (words: string): Period => ({ name: "month", from: "", to: "", before: { from: "", to: "", words } });

it.each([
  ["the same days of last month", 0, "new; nothing in the same days of last month"],
  ["yesterday until this time", 0, "new; nothing yesterday until this time"],
  ["the day before", 10, "+20 % against the day before"],
])("compares with %s", (words, then, note) => {
  show(<UsageTiles usage={{ total: sums(12) }} before={sums(then)} period={before(words)} />);
  screen.getByText(note);
});

it("a change takes the focus, which tells what there was before", async () => {
  const { user } = show(<Change now={12} before={10} write={String} />);
  await user.tab();
  expect(document.activeElement?.textContent).toBe("+20 %");
});
