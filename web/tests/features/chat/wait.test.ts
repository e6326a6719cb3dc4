// @vitest-environment node
import { describe, expect, it } from "vitest";

import { nextWait, waitOf, waitWords } from "~/features/chat/wait";

const words = (comment: string) => {
  const wait = waitOf(comment);
  return wait === null ? null : waitWords(wait);
};

describe("a comment of the gateway", () => {
  it.each([
    ["queue position=3 estimate_s=4.2", "Number 3 in line, about 5 s"],
    ["queue position=1 estimate_s=0.0", "Next in line, about 1 s"],
    ["queue position=1200 estimate_s=185.0", "Number 1,200 in line, about 3 min 5 s"],
    ["queue position=2", "Number 2 in line"],
    ["waiting", "Waiting in line"],
    ["loading", "The model is getting ready"],
  ])("“%s” is “%s”", (comment, said) => expect(words(comment)).toBe(said));

  it.each(["", "OPENROUTER PROCESSING", "queue position=x", "queue position=3 estimate_s=soon"])("is not “%s”", (comment) =>
    expect(words(comment)).toBeNull(),
  );
});

it("keeps the place while a comment only says that the wait goes on", () => {
  const place = { for: "turn", position: 3, estimateS: 4 } as const;
  const goesOn = { for: "turn", position: null, estimateS: null } as const;
  expect(nextWait(place, goesOn)).toEqual(place);
  expect(nextWait(null, goesOn)).toEqual(goesOn);
  expect(nextWait(place, { for: "model" })).toEqual({ for: "model" });
});
