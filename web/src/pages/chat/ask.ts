/** One question to the gateway: the request, its stream, and how it ended. */
import { createParser } from "eventsource-parser";

import { csrfHeaders, errorOf, type Schemas } from "~/api/client";
import type { Answer, Failure } from "~/pages/chat/talk";

export interface Piece {
  text: string;
  thought: string;
}

export interface Ending {
  state: Exclude<Answer["state"], "running">;
  failure: Failure | null;
  finish: string | null;
  /** Null when nothing answered. */
  requestId: string | null;
  usage: { promptTokens: number; completionTokens: number } | null;
  /** Milliseconds from the question, as seen here. */
  firstTokenMs: number | null;
  totalMs: number;
}

const LOST = "The connection was lost before the answer ended. What came is kept; ask again to get the rest.";
const SILENT = "The gateway does not answer. Check that it runs and that you are connected to its network.";

/** Asks, and tells `onPiece` what comes as it comes. Never throws: what went wrong is in the ending. */
export async function ask(
  model: string,
  messages: Schemas["ChatMessage"][],
  signal: AbortSignal,
  onPiece: (piece: Piece) => void,
): Promise<Ending> {
  const began = performance.now();
  const ending: Ending = {
    state: "cut",
    failure: null,
    finish: null,
    requestId: null,
    usage: null,
    firstTokenMs: null,
    totalMs: 0,
  };
  const body: Schemas["ChatRequest"] = { model, messages, stream: true, stream_options: { include_usage: true } };
  try {
    const response = await window.fetch("/v1/chat/completions", {
      method: "POST",
      credentials: "same-origin",
      headers: { ...csrfHeaders(), "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
    ending.requestId = response.headers.get("x-request-id");
    if (!response.ok || response.body === null) {
      ending.state = "refused";
      ending.failure = await refusalOf(response);
    } else {
      await follow(response.body, ending, (piece) => {
        ending.firstTokenMs ??= performance.now() - began;
        onPiece(piece);
      });
    }
  } catch {
    ending.failure = { message: ending.requestId === null ? SILENT : LOST, code: null, retryAt: null };
    if (ending.requestId === null) ending.state = "refused";
  }
  // Whatever broke, broke because the reader stopped it.
  if (signal.aborted) {
    ending.state = "stopped";
    ending.failure = null;
  }
  ending.totalMs = performance.now() - began;
  return ending;
}

async function refusalOf(response: Response): Promise<Failure> {
  const content: unknown = await response.json().catch(() => null);
  const fault = errorOf(response, content);
  return {
    message: fault.message,
    code: fault.code,
    retryAt: fault.retryAfter === null ? null : Date.now() + fault.retryAfter * 1000,
  };
}

/** Reads a stream to its end into `ending`. One that ends without saying so was cut. */
async function follow(stream: ReadableStream<Uint8Array>, ending: Ending, onPiece: (piece: Piece) => void): Promise<void> {
  for await (const data of readEvents(stream)) {
    if (data === "[DONE]") {
      ending.state = "done";
      return;
    }
    const chunk = readChunk(data);
    if (chunk.error !== null) {
      ending.failure = chunk.error;
      return;
    }
    ending.finish = chunk.finish ?? ending.finish;
    ending.usage = chunk.usage ?? ending.usage;
    if (chunk.text !== "" || chunk.thought !== "") onPiece({ text: chunk.text, thought: chunk.thought });
  }
  ending.failure = { message: LOST, code: null, retryAt: null };
}

/** The data of each event of a stream, however its bytes were cut on the way. */
export async function* readEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const whole: string[] = [];
  const parser = createParser({ onEvent: (event) => whole.push(event.data) });
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* whole.splice(0);
    }
  } finally {
    // Of a reader that stopped early the gateway must learn; one whose stream broke has nobody to tell.
    await reader.cancel().catch(() => undefined);
  }
}

interface Chunk extends Piece {
  finish: string | null;
  usage: Ending["usage"];
  error: Failure | null;
}

/** What an event says. The stream's events are the model's own, so nothing in them is taken for granted. */
export function readChunk(data: string): Chunk {
  const chunk: Chunk = { text: "", thought: "", finish: null, usage: null, error: null };
  let told: unknown;
  try {
    told = JSON.parse(data);
  } catch {
    chunk.error = { message: "The answer broke off in something that is not readable.", code: null, retryAt: null };
    return chunk;
  }
  const error = field(told, "error");
  if (error !== undefined) {
    const message = textOf(field(error, "message"));
    chunk.error = { message: message === "" ? "The answer broke off." : message, code: textOf(field(error, "code")) || null, retryAt: null };
    return chunk;
  }
  const choices = field(told, "choices");
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const delta = field(choice, "delta");
  chunk.text = textOf(field(delta, "content"));
  chunk.thought = textOf(field(delta, "reasoning")) || textOf(field(delta, "reasoning_content"));
  chunk.finish = textOf(field(choice, "finish_reason")) || null;
  const usage = field(told, "usage");
  if (typeof usage === "object" && usage !== null) {
    chunk.usage = { promptTokens: countOf(field(usage, "prompt_tokens")), completionTokens: countOf(field(usage, "completion_tokens")) };
  }
  return chunk;
}

function field(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null && name in of ? (of as Record<string, unknown>)[name] : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function countOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
