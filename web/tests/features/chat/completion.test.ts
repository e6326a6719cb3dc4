import { afterEach, describe, expect, it, vi } from "vitest";

import { setCsrfToken } from "~/api/client";
import { complete, readChunk, readEvents } from "~/features/chat/completion";
import type { Wait } from "~/features/chat/conversation";

const BYTES = new TextEncoder();

function streamOf(pieces: Uint8Array[], fault?: Error): ReadableStream<Uint8Array> {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const next = left.shift();
      if (next !== undefined) controller.enqueue(next);
      else if (fault !== undefined) controller.error(fault);
      else controller.close();
    },
  });
}

const said = (text: string) => `data: ${JSON.stringify({ choices: [{ delta: { content: text }, finish_reason: null }] })}\n\n`;
const DONE = "data: [DONE]\n\n";

function answers(text: string, { fault, status = 200, headers = {} }: { fault?: Error; status?: number; headers?: Record<string, string> } = {}) {
  const fetched = vi.fn<typeof fetch>(() =>
    Promise.resolve(new Response(streamOf([BYTES.encode(text)], fault), { status, headers: { "x-request-id": "req_1", ...headers } })),
  );
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

async function asked(signal = new AbortController().signal) {
  let text = "";
  const waits: Wait[] = [];
  const begun = vi.fn();
  const ending = await complete({ model: "small", messages: [{ role: "user", content: "hi" }], temperature: 0.5 }, signal, {
    onBegin: begun,
    onPiece: (piece) => (text += piece.text),
    onWait: (wait) => waits.push(wait),
  });
  return { text, ending, waits, begun };
}

afterEach(() => vi.unstubAllGlobals());

describe("reading events", () => {
  const whole = BYTES.encode(`: hello\n\n${said("Grüße 👋")}${DONE}`);

  it.each([1, 2, 3, 7, whole.length])("finds the same events in pieces of %i bytes", async (size) => {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.slice(at, at + size));
    const found: string[] = [];
    for await (const data of readEvents(streamOf(pieces))) found.push(data);
    expect(found.map((data) => (data === "[DONE]" ? data : readChunk(data).text))).toEqual(["Grüße 👋", "[DONE]"]);
  });

  it("lets go of the stream when its reader stops early", async () => {
    const cancelled = vi.fn();
    const stream = new ReadableStream<Uint8Array>({ start: (to) => to.enqueue(BYTES.encode(said("a") + said("b"))), cancel: cancelled });
    for await (const data of readEvents(stream)) {
      expect(readChunk(data).text).toBe("a");
      break;
    }
    expect(cancelled).toHaveBeenCalledOnce();
  });
});

describe("a chunk", () => {
  it("tells of usage, the reason of the end, and thoughts", () => {
    const usage = '{"choices":[],"usage":{"prompt_tokens":31,"completion_tokens":5}}';
    expect(readChunk(usage).usage).toEqual({ promptTokens: 31, completionTokens: 5 });
    expect(readChunk('{"choices":[{"delta":{},"finish_reason":"length"}]}').finish).toBe("length");
    expect(readChunk('{"choices":[{"delta":{"reasoning":"hm"}}]}').thought).toBe("hm");
    expect(readChunk('{"choices":[{"delta":{"reasoning_content":"hm"}}]}').thought).toBe("hm");
  });

  it.each(['{"choices":7}', '{"choices":[{"delta":{"content":{"a":1}}}]}', "null", '"text"', "[]"])("of %s says nothing, and breaks nothing", (data) => {
    expect(readChunk(data)).toMatchObject({ text: "", thought: "", error: null });
  });

  it("that is not readable is a failure", () => expect(readChunk("<html>").error).not.toBeNull());
});

describe("asking", () => {
  it("tells what it waits for, and leaves out other comments", async () => {
    answers(`: queue position=3 estimate_s=4.2\n\n: upstream's own\n\n: loading\n\n${said("Hello")}${DONE}`);
    const { text, waits } = await asked();
    expect(text).toBe("Hello");
    expect(waits).toEqual([{ for: "turn", position: 3, estimateS: 4.2 }, { for: "model" }]);
  });

  it("carries the session's token, and asks for usage and its place in line", async () => {
    setCsrfToken("token");
    const fetched = answers(said("Hello") + DONE);
    await asked();
    const [path, sent] = fetched.mock.calls[0] ?? [];
    expect(path).toBe("/v1/chat/completions");
    expect(sent?.headers).toMatchObject({ "x-csrf-token": "token", "x-queue-events": "1" });
    expect(JSON.parse(sent?.body as string)).toEqual({
      model: "small",
      messages: [{ role: "user", content: "hi" }],
      temperature: 0.5,
      stream: true,
      stream_options: { include_usage: true },
    });
    setCsrfToken("");
  });

  it("gives the text as it comes, and how it ended", async () => {
    answers(said("Hel") + said("lo") + '{"x":1}\n\n' + DONE);
    const { text, ending, begun } = await asked();
    expect(text).toBe("Hello");
    expect(begun).toHaveBeenCalledExactlyOnceWith("req_1");
    expect(ending).toMatchObject({ state: "done", failure: null, requestId: "req_1" });
    expect(ending.firstTokenMs).not.toBeNull();
  });

  it("keeps what came before the gateway ended it", async () => {
    answers(said("Half") + 'data: {"error":{"message":"Suspended.","type":"permission_error","param":null,"code":"account_suspended"}}\n\n');
    const { text, ending } = await asked();
    expect(text).toBe("Half");
    expect(ending).toMatchObject({ state: "cut", failure: { message: "Suspended.", code: "account_suspended" } });
  });

  it("is refused where the stream has waits and an error, and nothing of an answer", async () => {
    answers(': queue position=1 estimate_s=2\n\ndata: {"error":{"message":"It is down.","type":"server_error","param":null,"code":"upstream_unavailable"}}\n\n');
    const { ending } = await asked();
    expect(ending).toMatchObject({ state: "refused", failure: { message: "It is down.", code: "upstream_unavailable" }, requestId: "req_1" });
  });

  it("tells the limit of a refusal that came after a wait", async () => {
    const limit = { name: "cost_usd_total", owner: "team", model: "tiny", reason: "held", limit: 0.5, needed: 0.25, remaining: 0.1 };
    answers(`: queue position=1 estimate_s=2\n\ndata: ${JSON.stringify({ error: { message: "No.", type: "tokens", param: null, code: "rate_limit_exceeded", limit } })}\n\n`);
    expect((await asked()).ending.failure).toMatchObject({ code: "rate_limit_exceeded", limit });
  });

  it.each([
    ["breaks", new TypeError("network error")],
    ["ends without a word", undefined],
  ])("says that the connection was lost when the stream %s", async (_, fault) => {
    answers(said("Half"), fault === undefined ? {} : { fault });
    const { text, ending } = await asked();
    expect(text).toBe("Half");
    expect(ending).toMatchObject({ state: "cut", failure: { code: null } });
    expect(ending.failure?.message).toContain("connection was lost");
  });

  it("tells a refusal with its limit and the time at which to ask again", async () => {
    const limit = { name: "requests_per_minute", owner: "user", model: null, reason: "exhausted", limit: 5, needed: 1, remaining: 0 };
    const error = { message: "No.", type: "requests", param: null, code: "rate_limit_exceeded", limit };
    answers(JSON.stringify({ error }), { status: 429, headers: { "retry-after": "12", "content-type": "application/json" } });
    const before = Date.now();
    const { ending } = await asked();
    expect(ending).toMatchObject({ state: "refused", failure: { code: "rate_limit_exceeded", message: error.message, limit } });
    expect(ending.failure?.retryAt).toBeGreaterThanOrEqual(before + 12_000);
  });

  it("says so when nothing answers", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    const { ending } = await asked();
    expect(ending).toMatchObject({ state: "refused", requestId: null });
    expect(ending.failure?.message).toContain("does not answer");
  });

  it("that was stopped is no failure", async () => {
    const stop = new AbortController();
    stop.abort();
    answers(said("Half"), { fault: new DOMException("", "AbortError") });
    expect((await asked(stop.signal)).ending).toMatchObject({ state: "stopped", failure: null });
  });
});
