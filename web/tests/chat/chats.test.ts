import { describe, expect, it, vi } from "vitest";

import type { Schemas } from "~/api/client";
import type { Ending, Piece } from "~/pages/chat/ask";
import { Chats, type Gateway } from "~/pages/chat/chats";
import { excess, type Shelf } from "~/pages/chat/shelf";
import { type Answer, asLeft, lastAnswer, requestMessages, type Talk, titleOf } from "~/pages/chat/talk";

class Kept implements Shelf {
  readonly talks = new Map<string, Talk>();
  full = false;

  all(userId: string): Promise<Talk[]> {
    return Promise.resolve([...this.talks.values()].filter((talk) => talk.userId === userId));
  }

  put(talks: readonly Talk[]): Promise<void> {
    if (this.full) return Promise.reject(new Error("full"));
    for (const talk of talks) this.talks.set(talk.id, talk);
    return Promise.resolve();
  }

  drop(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.talks.delete(id);
    return Promise.resolve();
  }
}

/** A gateway whose answer comes when a test says so. */
class Scripted implements Gateway {
  sent: Parameters<Gateway["ask"]>[] = [];
  end: (ending: Partial<Ending>) => void = () => undefined;
  record: Partial<Schemas["Call"]> | null = null;

  readonly ask: Gateway["ask"] = (...given) => {
    this.sent.push(given);
    const [, , signal] = given;
    return new Promise((done) => {
      const whole: Ending = { state: "done", failure: null, finish: "stop", requestId: "req_1", usage: null, firstTokenMs: 1, totalMs: 2 };
      this.end = (ending) => done({ ...whole, ...ending });
      signal.addEventListener("abort", () => done({ ...whole, state: "stopped" }));
    });
  };

  readonly readRecord: Gateway["readRecord"] = () => Promise.resolve(this.record as Schemas["Call"] | null);

  say(text: string): void {
    const piece: Piece = { text, thought: "" };
    this.sent.at(-1)?.[3](piece);
  }
}

const MODEL = { id: "small", seesImages: true };

function begin() {
  const shelf = new Kept();
  const gateway = new Scripted();
  return { shelf, gateway, chats: new Chats("alice", shelf, gateway) };
}

const answerOf = (chats: Chats, id: string): Answer | null => {
  const talk = chats.find(id);
  return talk === undefined ? null : lastAnswer(talk);
};

const talkOf = (over: Partial<Talk>): Talk => ({ id: "a", userId: "alice", title: "A", model: "small", changedAt: 1, messages: [], ...over });

describe("conversations", () => {
  it("take the text as it comes, one drawing a frame, and the record's figures after the end", async () => {
    const { chats, gateway, shelf } = begin();
    const id = chats.send(null, MODEL, "What is a toll?", []);
    const drawn = vi.fn();
    chats.watch(drawn);
    for (const word of ["A ", "fee ", "to ", "pass"]) gateway.say(word);
    expect(answerOf(chats, id)?.text).toBe("");
    await vi.waitFor(() => expect(answerOf(chats, id)?.text).toBe("A fee to pass"));
    expect(drawn).toHaveBeenCalledOnce();
    gateway.record = { prompt_tokens: 31, completion_tokens: 5, cost_usd: "0.00000205", first_token_ms: 194, queued_ms: 0, latency_ms: 219 };
    gateway.end({});
    await vi.waitFor(() => expect(answerOf(chats, id)?.figures?.costUsd).toBe("0.00000205"));
    expect(answerOf(chats, id)).toMatchObject({ state: "done", text: "A fee to pass", figures: { firstTokenMs: 194, totalMs: 219 } });
    await vi.waitFor(() => expect(shelf.talks.get(id)).toEqual(chats.find(id)));
  });

  it("keep what came when they are stopped", async () => {
    const { chats, gateway } = begin();
    const id = chats.send(null, MODEL, "Tell a story", []);
    gateway.say("Once");
    chats.stop(id);
    await vi.waitFor(() => expect(answerOf(chats, id)).toMatchObject({ state: "stopped", text: "Once" }));
    expect(gateway.sent[0]?.[2].aborted).toBe(true);
  });

  it("put a new answer in the place of the last one", async () => {
    const { chats, gateway } = begin();
    const id = chats.send(null, MODEL, "hi", []);
    gateway.say("Bad");
    gateway.end({});
    await vi.waitFor(() => expect(answerOf(chats, id)?.state).toBe("done"));
    chats.again(id, MODEL);
    expect(gateway.sent[1]?.[1]).toEqual([{ role: "user", content: "hi" }]);
    expect(chats.find(id)?.messages).toHaveLength(2);
    expect(answerOf(chats, id)).toMatchObject({ state: "running", text: "" });
  });

  it("of another user are not seen", async () => {
    const { chats, shelf } = begin();
    await shelf.put([talkOf({ id: "mine" }), talkOf({ id: "bobs", userId: "bob" })]);
    await chats.load();
    expect(chats.read().talks.map((talk) => talk.id)).toEqual(["mine"]);
  });

  it("come back after an undo, in their order", async () => {
    const { chats, shelf } = begin();
    await shelf.put([talkOf({ id: "old", changedAt: 1 }), talkOf({ id: "new", changedAt: 2 })]);
    await chats.load();
    const gone = chats.remove(["new"]);
    expect([...shelf.talks.keys()]).toEqual(["old"]);
    chats.restore(gone);
    expect(chats.read().talks.map((talk) => talk.id)).toEqual(["new", "old"]);
    expect(shelf.talks.has("new")).toBe(true);
  });

  it("stop what runs in them when they are deleted, and stay deleted", async () => {
    const { chats, gateway, shelf } = begin();
    const id = chats.send(null, MODEL, "hi", []);
    const ended = vi.fn();
    chats.listen(ended);
    chats.remove([id]);
    expect(gateway.sent[0]?.[2].aborted).toBe(true);
    await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce());
    expect(chats.find(id)).toBeUndefined();
    expect(shelf.talks.has(id)).toBe(false);
  });

  it("that run are not replaced by what is kept of them", async () => {
    const { chats, gateway } = begin();
    const id = chats.send(null, MODEL, "hi", []);
    gateway.say("still coming");
    await chats.load();
    expect(answerOf(chats, id)?.state).toBe("running");
  });

  it("say so when the browser keeps nothing", async () => {
    const { chats, shelf } = begin();
    shelf.full = true;
    const id = chats.send(null, MODEL, "hi", []);
    await vi.waitFor(() => expect(chats.read().kept).toBe(false));
    await chats.load();
    expect(chats.find(id)).toBeDefined();
  });

  it("do not take an empty name", () => {
    const { chats } = begin();
    const id = chats.send(null, MODEL, "hi", []);
    chats.rename(id, "  ");
    expect(chats.find(id)?.title).toBe("hi");
    chats.rename(id, " Greeting ");
    expect(chats.find(id)?.title).toBe("Greeting");
  });
});

describe("what is kept", () => {
  it("is at most a hundred conversations", () => {
    const talks = Array.from({ length: 102 }, (_, place) => talkOf({ id: String(place) }));
    expect(excess(talks).map((talk) => talk.id)).toEqual(["100", "101"]);
  });

  it("is bounded in size, but for the newest", () => {
    const large = (id: string) =>
      talkOf({ id, messages: [{ role: "user", id: "q", text: "", images: ["x".repeat(30_000_000)] }] });
    expect(excess([large("new"), large("old")]).map((talk) => talk.id)).toEqual(["old"]);
    expect(excess([talkOf({ messages: [{ role: "user", id: "q", text: "", images: ["x".repeat(50_000_000)] }] })])).toEqual([]);
  });

  it("of an answer whose page was closed is an answer that was cut", () => {
    const answer: Answer = {
      role: "assistant", id: "1", model: "small", askedAt: 0, text: "Half", thought: "", state: "running", failure: null, finish: null,
      requestId: null, figures: null,
    };
    const left = asLeft(talkOf({ messages: [answer] }));
    expect(lastAnswer(left)).toMatchObject({ state: "cut", text: "Half" });
    expect(lastAnswer(left)?.failure?.message).toContain("closed");
  });
});

describe("what is sent", () => {
  const question = { role: "user", id: "q", text: "What is this?", images: ["data:image/png;base64,AA"] } as const;

  it("has the images, where the model takes them", () => {
    expect(requestMessages([question], true)).toEqual([
      { role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] },
    ]);
    expect(requestMessages([question], false)).toEqual([{ role: "user", content: "What is this?" }]);
  });

  it("has no answer of which nothing came", () => {
    const refused: Answer = {
      role: "assistant", id: "1", model: "small", askedAt: 0, text: "", thought: "hm", state: "refused", failure: null, finish: null,
      requestId: null, figures: null,
    };
    expect(requestMessages([{ ...question, images: [] }, refused], true)).toHaveLength(1);
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
