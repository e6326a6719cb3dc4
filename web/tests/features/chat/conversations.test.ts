import { afterEach, describe, expect, it, vi } from "vitest";

import type { Schemas } from "~/api/client";
import type { Ending, Piece } from "~/features/chat/completion";
import { type Answer, type Conversation, lastAnswer, NO_SETTINGS, requestOf, titleOf, withoutRunning } from "~/features/chat/conversation";
import { Conversations, type Gateway } from "~/features/chat/conversations";
import { type ConversationStorage, excess } from "~/features/chat/storage";
import type { Turns } from "~/features/chat/turns";

class MemoryStorage implements ConversationStorage {
  readonly conversations = new Map<string, Conversation>();
  full = false;

  all(userId: string): Promise<Conversation[]> {
    return Promise.resolve([...this.conversations.values()].filter((conversation) => conversation.userId === userId));
  }

  put(conversations: readonly Conversation[]): Promise<void> {
    if (this.full) return Promise.reject(new Error("full"));
    for (const conversation of conversations) this.conversations.set(conversation.id, conversation);
    return Promise.resolve();
  }

  remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.conversations.delete(id);
    return Promise.resolve();
  }
}

/** A gateway whose answer comes when a test says so. */
class Scripted implements Gateway {
  sent: Parameters<Gateway["complete"]>[] = [];
  end: (ending: Partial<Ending>) => void = () => undefined;
  record: Partial<Schemas["Call"]> | null = null;

  readonly complete: Gateway["complete"] = (...given) => {
    this.sent.push(given);
    const [, signal] = given;
    return new Promise((done) => {
      const whole: Ending = { state: "done", failure: null, finish: "stop", requestId: "req_1", usage: null, firstTokenMs: 1, totalMs: 2 };
      this.end = (ending) => done({ ...whole, ...ending });
      signal.addEventListener("abort", () => done({ ...whole, state: "stopped" }));
    });
  };

  readonly readRecord: Gateway["readRecord"] = () => Promise.resolve(this.record as Schemas["Call"] | null);

  say(text: string): void {
    const piece: Piece = { text, thought: "" };
    this.sent.at(-1)?.[2].onPiece(piece);
  }

  begin(requestId: string): void {
    this.sent.at(-1)?.[2].onBegin(requestId);
  }
}

const MODEL = { id: "small", seesImages: true };

/** The locks of a browser: what one page holds, all see. */
class MemoryTurns implements Turns {
  readonly held = new Set<string>();

  readonly hold = (id: string) => {
    this.held.add(id);
    return () => void this.held.delete(id);
  };

  readonly running = () => Promise.resolve(new Set(this.held));
}

function begin() {
  const storage = new MemoryStorage();
  const gateway = new Scripted();
  const turns = new MemoryTurns();
  return { storage, gateway, turns, store: new Conversations("alice", storage, gateway, turns) };
}

/** The same browser after the page was loaded again. */
function reloaded({ storage, turns }: Pick<ReturnType<typeof begin>, "storage" | "turns">) {
  const gateway = new Scripted();
  turns.held.clear();
  return { gateway, store: new Conversations("alice", storage, gateway, turns) };
}

const answerOf = (store: Conversations, id: string): Answer | null => {
  const conversation = store.find(id);
  return conversation === undefined ? null : lastAnswer(conversation);
};

const conversationOf = (over: Partial<Conversation>): Conversation => ({ id: "a", userId: "alice", title: "A", model: "small", changedAt: 1, messages: [], ...over });

describe("conversations", () => {
  it("take the text as it comes, one drawing a frame, and the record's figures after the end", async () => {
    const { store, gateway, storage } = begin();
    const id = store.send(null, MODEL, "What is a toll?", []);
    const drawn = vi.fn();
    store.watch(drawn);
    for (const word of ["A ", "fee ", "to ", "pass"]) gateway.say(word);
    expect(answerOf(store, id)?.text).toBe("");
    await vi.waitFor(() => expect(answerOf(store, id)?.text).toBe("A fee to pass"));
    expect(drawn).toHaveBeenCalledOnce();
    gateway.record = { prompt_tokens: 31, completion_tokens: 5, cost_usd: "0.00000205", first_token_ms: 194, queued_ms: 0, latency_ms: 219 };
    gateway.end({});
    await vi.waitFor(() => expect(answerOf(store, id)?.figures?.costUsd).toBe("0.00000205"));
    expect(answerOf(store, id)).toMatchObject({ state: "done", text: "A fee to pass", figures: { firstTokenMs: 194, totalMs: 219 } });
    await vi.waitFor(() => expect(storage.conversations.get(id)).toEqual(store.find(id)));
  });

  it("have their place in line until their answer ends", async () => {
    const { store, gateway, storage } = begin();
    const id = store.send(null, MODEL, "hi", []);
    gateway.sent.at(-1)?.[2].onWait({ for: "turn", position: 2, estimateS: 3 });
    gateway.sent.at(-1)?.[2].onWait({ for: "turn", position: null, estimateS: null });
    await vi.waitFor(() => expect(answerOf(store, id)?.wait).toEqual({ for: "turn", position: 2, estimateS: 3 }));
    gateway.end({});
    await vi.waitFor(() => expect(answerOf(store, id)?.state).toBe("done"));
    expect(storage.conversations.get(id)?.messages.at(-1)).toHaveProperty("wait", null);
  });

  it("keep what came when they are stopped", async () => {
    const { store, gateway } = begin();
    const id = store.send(null, MODEL, "Tell a story", []);
    gateway.say("Once");
    store.stop(id);
    await vi.waitFor(() => expect(answerOf(store, id)).toMatchObject({ state: "stopped", text: "Once" }));
    expect(gateway.sent[0]?.[1].aborted).toBe(true);
  });

  it("put a new answer in the place of the last one", async () => {
    const { store, gateway } = begin();
    const id = store.send(null, MODEL, "hi", []);
    gateway.say("Bad");
    gateway.end({});
    await vi.waitFor(() => expect(answerOf(store, id)?.state).toBe("done"));
    store.again(id, MODEL);
    expect(gateway.sent[1]?.[0].messages).toEqual([{ role: "user", content: "hi" }]);
    expect(store.find(id)?.messages).toHaveLength(2);
    expect(answerOf(store, id)).toMatchObject({ state: "running", text: "" });
  });

  it("of another user are not seen", async () => {
    const { store, storage } = begin();
    await storage.put([conversationOf({ id: "mine" }), conversationOf({ id: "bobs", userId: "bob" })]);
    await store.load();
    expect(store.read().conversations.map((conversation) => conversation.id)).toEqual(["mine"]);
  });

  it("come back after an undo, in their order", async () => {
    const { store, storage } = begin();
    await storage.put([conversationOf({ id: "old", changedAt: 1 }), conversationOf({ id: "new", changedAt: 2 })]);
    await store.load();
    const gone = store.remove(["new"]);
    expect([...storage.conversations.keys()]).toEqual(["old"]);
    store.restore(gone);
    expect(store.read().conversations.map((conversation) => conversation.id)).toEqual(["new", "old"]);
    expect(storage.conversations.has("new")).toBe(true);
  });

  it("stop what runs in them when they are deleted, and stay deleted", async () => {
    const { store, gateway, storage } = begin();
    const id = store.send(null, MODEL, "hi", []);
    const ended = vi.fn();
    store.listen(ended);
    store.remove([id]);
    expect(gateway.sent[0]?.[1].aborted).toBe(true);
    await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce());
    expect(store.find(id)).toBeUndefined();
    expect(storage.conversations.has(id)).toBe(false);
  });

  it("that run are not replaced by what is kept of them", async () => {
    const { store, gateway } = begin();
    const id = store.send(null, MODEL, "hi", []);
    gateway.say("still coming");
    await store.load();
    expect(answerOf(store, id)?.state).toBe("running");
  });

  it("say so when the browser keeps nothing", async () => {
    const { store, storage } = begin();
    storage.full = true;
    const id = store.send(null, MODEL, "hi", []);
    await vi.waitFor(() => expect(store.read().stored).toBe(false));
    await store.load();
    expect(store.find(id)).toBeDefined();
  });

  it("do not take an empty name", () => {
    const { store } = begin();
    const id = store.send(null, MODEL, "hi", []);
    store.rename(id, "  ");
    expect(store.find(id)?.title).toBe("hi");
    store.rename(id, " Greeting ");
    expect(store.find(id)?.title).toBe("Greeting");
  });
});

describe("an answer whose page is closed", () => {
  const RECORD = { prompt_tokens: 31, completion_tokens: 5, cost_usd: "0.00000205", first_token_ms: 194, queued_ms: 0, latency_ms: 219 };

  afterEach(() => vi.useRealTimers());

  it("keeps what had come, and gets its figures from the record", async () => {
    const before = begin();
    const id = before.store.send(null, MODEL, "Tell a story", []);
    before.gateway.begin("req_7");
    before.gateway.say("Once upon");
    before.store.leave();
    const { store, gateway } = reloaded(before);
    const asked = vi.spyOn(gateway, "readRecord").mockResolvedValue(RECORD as Schemas["Call"]);
    await store.load();
    expect(answerOf(store, id)).toMatchObject({ state: "cut", text: "Once upon", requestId: "req_7" });
    await vi.waitFor(() => expect(answerOf(store, id)?.figures).toMatchObject({ completionTokens: 5, costUsd: "0.00000205" }));
    expect(asked).toHaveBeenCalledExactlyOnceWith("req_7");
    expect(before.storage.conversations.get(id)).toEqual(store.find(id));
  });

  it("is not told as one whose connection was lost, which closing does to it", async () => {
    const { store, gateway, storage } = begin();
    const id = store.send(null, MODEL, "hi", []);
    gateway.begin("req_7");
    gateway.say("Half");
    store.leave();
    gateway.end({ state: "cut", failure: { message: "The connection was lost.", code: null, retryAt: null } });
    const stored = () => storage.conversations.get(id)?.messages.at(-1);
    await vi.waitFor(() => expect(stored()).toMatchObject({ state: "cut", text: "Half", requestId: "req_7" }));
    expect(stored()).toHaveProperty("failure.message", expect.stringContaining("page was closed"));
  });

  it("is stored a second after a piece came at the latest, in a window that nobody sees, too", () => {
    vi.useFakeTimers();
    vi.stubGlobal("requestAnimationFrame", () => 1);
    const { store, gateway, storage } = begin();
    const id = store.send(null, MODEL, "hi", []);
    gateway.say("Half");
    const stored = () => storage.conversations.get(id)?.messages.at(-1)?.text;
    vi.advanceTimersByTime(999);
    expect(stored()).toBe("");
    vi.advanceTimersByTime(1);
    expect(stored()).toBe("Half");
    vi.unstubAllGlobals();
  });

  it("keeps its request's id from the moment the gateway responds", () => {
    const { store, gateway, storage } = begin();
    const id = store.send(null, MODEL, "hi", []);
    gateway.begin("req_7");
    expect(storage.conversations.get(id)?.messages.at(-1)).toHaveProperty("requestId", "req_7");
  });

  it("still runs where another tab says so", async () => {
    const { store, storage, turns } = begin();
    const id = store.send(null, MODEL, "hi", []);
    const other = new Conversations("alice", storage, new Scripted(), turns);
    await other.load();
    expect(answerOf(other, id)?.state).toBe("running");
    expect(other.runsHere(id)).toBe(false);
    expect(storage.conversations.get(id)?.messages.at(-1)).toHaveProperty("state", "running");
  });

  it("that ended while conversations were read is not taken for one that was cut", async () => {
    const { store, gateway, storage } = begin();
    const id = store.send(null, MODEL, "hi", []);
    const stale = [...storage.conversations.values()];
    gateway.end({});
    await vi.waitFor(() => expect(answerOf(store, id)?.state).toBe("done"));
    vi.spyOn(storage, "all").mockResolvedValue(stale);
    await store.load();
    expect(answerOf(store, id)?.state).toBe("done");
  });
});

describe("a question that is asked anew", () => {
  it("takes the place of everything from it on, until that is undone", async () => {
    const { store, gateway, storage } = begin();
    const id = store.send(null, MODEL, "Frist", []);
    gateway.end({});
    await vi.waitFor(() => expect(answerOf(store, id)?.state).toBe("done"));
    store.send(id, MODEL, "Second", []);
    const asked = store.find(id)?.messages[0]?.id ?? "";
    expect(store.edit(id, asked, MODEL, "First")).toBeNull();
    gateway.end({});
    await vi.waitFor(() => expect(answerOf(store, id)?.state).toBe("done"));
    const before = store.edit(id, asked, MODEL, "First");
    expect(gateway.sent.at(-1)?.[0].messages).toEqual([{ role: "user", content: "First" }]);
    expect(store.find(id)).toMatchObject({ title: "First", messages: [{ text: "First" }, { state: "running" }] });
    if (before !== null) store.restore([before]);
    expect(store.read().conversations).toHaveLength(1);
    expect(store.find(id)?.messages.map((message) => message.text)).toEqual(["Frist", "", "Second", ""]);
    await vi.waitFor(() => expect(storage.conversations.get(id)).toEqual(store.find(id)));
  });
});

describe("conversations from elsewhere", () => {
  it("are only put in where there is room for all", () => {
    const { store } = begin();
    const many = (count: number, from: number) => Array.from({ length: count }, (_, place) => conversationOf({ id: String(from + place) }));
    expect(store.add(many(60, 0))).toBe(true);
    expect(store.add(many(41, 60))).toBe(false);
    expect(store.read().conversations).toHaveLength(60);
  });
});

describe("what is kept", () => {
  it("is at most a hundred conversations", () => {
    const conversations = Array.from({ length: 102 }, (_, place) => conversationOf({ id: String(place) }));
    expect(excess(conversations).map((conversation) => conversation.id)).toEqual(["100", "101"]);
  });

  it("is bounded in size, but for the newest", () => {
    const large = (id: string) =>
      conversationOf({ id, messages: [{ role: "user", id: "q", text: "", images: ["x".repeat(30_000_000)] }] });
    expect(excess([large("new"), large("old")]).map((conversation) => conversation.id)).toEqual(["old"]);
    expect(excess([conversationOf({ messages: [{ role: "user", id: "q", text: "", images: ["x".repeat(50_000_000)] }] })])).toEqual([]);
  });

  it("of an answer whose page was closed is an answer that was cut", () => {
    const answer: Answer = {
      role: "assistant", id: "1", model: "small", askedAt: 0, text: "Half", thought: "", state: "running", failure: null, finish: null,
      requestId: null, figures: null,
    };
    const left = withoutRunning(conversationOf({ messages: [answer] }));
    expect(lastAnswer(left)).toMatchObject({ state: "cut", text: "Half" });
    expect(lastAnswer(left)?.failure?.message).toContain("closed");
  });
});

describe("what is sent", () => {
  const question = { role: "user", id: "q", text: "What is this?", images: ["data:image/png;base64,AA"] } as const;

  it("has the images, where the model takes them", () => {
    expect(requestOf(MODEL, [question], NO_SETTINGS)).toEqual({
      model: "small",
      messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] }],
    });
    expect(requestOf({ id: "small", seesImages: false }, [question], NO_SETTINGS).messages).toEqual([{ role: "user", content: "What is this?" }]);
  });

  it("has the settings of the conversation", () => {
    expect(requestOf(MODEL, [{ ...question, images: [] }], { system: "Be brief.", maxTokens: 100, temperature: 0 })).toEqual({
      model: "small",
      messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "What is this?" }],
      max_completion_tokens: 100,
      temperature: 0,
    });
  });

  it("has no answer of which nothing came", () => {
    const refused: Answer = {
      role: "assistant", id: "1", model: "small", askedAt: 0, text: "", thought: "hm", state: "refused", failure: null, finish: null,
      requestId: null, figures: null,
    };
    expect(requestOf(MODEL, [{ ...question, images: [] }, refused], NO_SETTINGS).messages).toHaveLength(1);
  });
});

describe("a title", () => {
  it.each([
    ["What is a toll?\nAnd why?", "What is a toll?"],
    ["", "An image"],
    ["word ".repeat(30), `${"word ".repeat(11)}word…`],
    ["x".repeat(90), `${"x".repeat(60)}…`],
  ])("of %j is %j", (text, title) => expect(titleOf(text)).toBe(title));
});

it("what is deleted to make room is told", () => {
  const store = new Conversations("ann", new MemoryStorage(), new Scripted(), new MemoryTurns());
  const gone: string[] = [];
  store.listenToDropped((dropped) => gone.push(...dropped.map(({ title }) => title)));
  store.restore(Array.from({ length: 100 }, (_, place) => conversationOf({ id: `c${place}`, title: `Title ${place}`, changedAt: 1000 - place })));
  expect(gone).toEqual([]);
  store.send(null, MODEL, "One more", []);
  expect(gone).toEqual(["Title 99"]);
});
