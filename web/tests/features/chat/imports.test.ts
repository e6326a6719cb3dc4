import { describe, expect, it } from "vitest";

import type { Answer, Conversation } from "~/features/chat/conversation";
import { fileName, toJson, toMarkdown } from "~/features/chat/exports";
import { fromJson, fromMarkdown, NotReadable } from "~/features/chat/imports";

const IMAGE = "data:image/png;base64,iVBORw0KGgo=";
const ANSWER: Answer = {
  role: "assistant", id: "a", model: "llama3.2:1b", askedAt: 1_700_000_000_000, text: "# A fee\n\n<!-- user -->\n\\<!-- user -->\n![Image 1](data:image/png;base64,AA)\n\n```\ncode\n```",
  thought: "hm", state: "cut", failure: { message: "It broke off.", code: "upstream_timeout", retryAt: 5, limit: null }, finish: "length", requestId: "req_01",
  figures: { promptTokens: 31, completionTokens: 5, costUsd: "0.00000205", firstTokenMs: 194, queuedMs: 0, totalMs: 219 },
};
const CONVERSATION: Conversation = {
  id: "c", userId: "alice", title: "What is a toll?", model: "llama3.2:1b", changedAt: 1_700_000_000_001,
  settings: { system: "Be brief.\nBe kind.", maxTokens: 100, temperature: 0.2 },
  messages: [{ role: "user", id: "q", text: "What is\n\na toll?", images: [IMAGE] }, ANSWER],
};

const withoutIds = ({ messages, ...rest }: Conversation) => ({
  ...rest,
  id: "",
  userId: "",
  messages: messages.map((message) => ({ ...message, id: "", ...(message.role === "assistant" && message.failure !== null && { failure: { ...message.failure, retryAt: null } }) })),
});

const fileOf = (...conversations: unknown[]) => JSON.stringify({ format: "tollkeeper.conversations", version: 1, conversations });
const messageIn = (message: unknown) => fromJson(fileOf({ title: "t", model: "m", messages: [message] }), "bob")[0]?.messages[0];

describe("a conversation that is exported as JSON", () => {
  it("comes back whole, with ids of its own, as that of whoever imports it", () => {
    const text = toJson([CONVERSATION]);
    expect(text).not.toContain("alice");
    const [back] = fromJson(text, "bob");
    expect(back?.userId).toBe("bob");
    expect(back?.id).toMatch(/^[0-9a-f]{32}$/);
    expect(back?.messages.map(({ id }) => id)).not.toContain("a");
    expect(back === undefined ? null : withoutIds(back)).toEqual(withoutIds(CONVERSATION));
  });
});

describe("a conversation that is exported as Markdown", () => {
  it("can be read, and comes back with its texts", () => {
    const text = toMarkdown(CONVERSATION);
    expect(text).toContain("# What is a toll?\n\n<!-- system -->\n**System prompt**\n\nBe brief.\nBe kind.\n\n<!-- user -->\n**You**\n\nWhat is\n\na toll?");
    const back = fromMarkdown(text, "bob");
    expect(back).toMatchObject({ title: "What is a toll?", model: "llama3.2:1b", userId: "bob", settings: { system: "Be brief.\nBe kind." } });
    expect(back.messages).toMatchObject([
      { role: "user", text: "What is\n\na toll?", images: [IMAGE] },
      { role: "assistant", model: "llama3.2:1b", text: ANSWER.text, figures: null, requestId: null },
    ]);
  });

  it("may have been written by hand, with the line ends of Windows", () => {
    expect(fromMarkdown("<!-- user -->\r\n**Note** this\r\n", "bob")).toMatchObject({ title: "**Note** this", messages: [{ text: "**Note** this" }] });
  });
});

describe("a file of somebody else's", () => {
  it.each([
    ["no JSON", "<html>"],
    ["null", "null"],
    ["another format", JSON.stringify({ format: "other", version: 1, conversations: [] })],
    ["another version", JSON.stringify({ format: "tollkeeper.conversations", version: 2, conversations: [] })],
    ["too many conversations", fileOf(...Array.from({ length: 101 }, () => ({ messages: [] })))],
    ["no messages", fileOf({ title: "t" })],
    ["a message of a third", fileOf({ messages: [{ role: "system", text: "x" }] })],
    ["an image from elsewhere", fileOf({ messages: [{ role: "user", text: "", images: ["https://evil.example/beacon.png"] }] })],
    ["a document for an image", fileOf({ messages: [{ role: "user", text: "", images: ["data:image/svg+xml;base64,AA=="] }] })],
    ["too many images", fileOf({ messages: [{ role: "user", text: "", images: [IMAGE, IMAGE, IMAGE, IMAGE, IMAGE] }] })],
    ["a text without end", fileOf({ messages: [{ role: "user", text: "x".repeat(2_000_001) }] })],
  ])("with %s is refused in words", (_, text) => expect(() => fromJson(text, "bob")).toThrow(NotReadable));

  it("in Markdown without messages, or with an image from elsewhere, is refused", () => {
    expect(() => fromMarkdown("# Shopping list", "bob")).toThrow(NotReadable);
    expect(() => fromMarkdown("<!-- user -->\n![Image 1](data:text/html,x)", "bob")).toThrow(NotReadable);
  });

  it("gives nothing that is not known, and nothing in another form", () => {
    const read = messageIn({
      role: "assistant", id: "../../etc", model: "two words", text: 7, thought: ["x"], state: "running", extra: 1, requestId: "../../admin", askedAt: "now",
      finish: { a: 1 }, failure: { message: "x", code: 7, retryAt: 9e15 }, figures: { promptTokens: -1, completionTokens: 1, totalMs: 1, costUsd: "1" },
    });
    expect(read).toEqual({
      role: "assistant", id: expect.stringMatching(/^[0-9a-f]{32}$/) as string, model: "unknown", askedAt: 0, text: "", thought: "", state: "done",
      failure: { message: "x", code: null, retryAt: null, limit: null }, finish: null, requestId: null, figures: null,
    });
  });

  it.each([
    ["$(1)", null],
    ["1e-9", null],
    ["0.000123", "0.000123"],
  ])("may say %j for the cost, which is read as %j", (costUsd, exact) => {
    expect(messageIn({ role: "assistant", figures: { promptTokens: 1, completionTokens: 1, totalMs: 1, costUsd } })).toMatchObject({ figures: { costUsd: exact } });
  });

  it("cannot reach into what all objects have", () => {
    fromJson('{"format":"tollkeeper.conversations","version":1,"__proto__":{"polluted":1},"conversations":[{"messages":[],"__proto__":{"polluted":1}}]}', "bob");
    expect({}).not.toHaveProperty("polluted");
  });
});

it.each([
  ["What is a toll?", "what-is-a-toll.md"],
  ["../../etc/passwd", "etc-passwd.md"],
  ["???", "conversation.md"],
])("the file of %j is %j", (title, name) => expect(fileName(title, "md")).toBe(name));

describe("the limit of a failure", () => {
  const LIMIT = { name: "tokens_per_day", owner: "user", model: null, reason: "held", limit: 9, needed: 5, remaining: 0 };
  const limitIn = (limit: unknown) => {
    const message = messageIn({ role: "assistant", state: "refused", failure: { message: "x", code: "rate_limit_exceeded", limit } });
    return message?.role === "assistant" ? message.failure?.limit : undefined;
  };

  it("is read", () => expect(limitIn({ ...LIMIT, more: 1 })).toEqual(LIMIT));

  it.each([null, 5, {}, { ...LIMIT, name: 5 }, { ...LIMIT, model: "" }, { ...LIMIT, owner: "x" }, { ...LIMIT, reason: "x" }, { ...LIMIT, needed: "5" }, { ...LIMIT, limit: 1e21 }, { ...LIMIT, remaining: -1 }])(
    "is nothing where it is none: %j",
    (limit) => expect(limitIn(limit)).toBeNull(),
  );
});
