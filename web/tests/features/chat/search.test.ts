// @vitest-environment node
import { expect, it } from "vitest";

import type { Conversation } from "~/features/chat/conversation";
import { search } from "~/features/chat/search";

const of = (title: string, ...texts: string[]): Conversation => ({
  id: title,
  userId: "alice",
  title,
  model: "small",
  changedAt: 1,
  messages: texts.map((text, place) => ({ role: "user", id: String(place), text, images: [] })),
});
const TOLLS = of("What is a toll?", "What is a toll?", "A fee to pass a bridge, a road or a tunnel, which has been charged since the days of Rome at the very least.");
const ROME = of("Rome", "Who built it?");

it.each([
  ["", ["What is a toll?", "Rome"]],
  ["ROME", ["What is a toll?", "Rome"]],
  ["toll rome", ["What is a toll?"]],
  ["built rome", ["Rome"]],
  ["carthage", []],
])("conversations with %j", (words, titles) => expect(search([TOLLS, ROME], words).map(({ conversation }) => conversation.title)).toEqual(titles));

it("says where it was found, unless the title does", () => {
  const [tolls, rome] = search([TOLLS, ROME], "rome");
  expect(tolls?.excerpt).toBe("…since the days of Rome at the very least.");
  expect(rome?.excerpt).toBeNull();
  // Words that stand together are shown together.
  expect(search([TOLLS], "the very")[0]?.excerpt).toBe("…the days of Rome at the very least.");
});
