/** One streamed chat completion: the request, its stream, and how it ended. */
import { createParser } from "eventsource-parser";

import { csrfHeaders, errorOf, type Schemas, UNREACHABLE } from "~/api/client";
import type { Answer, Failure, ModelRequest, Wait } from "~/features/chat/conversation";
import { reachedLimitOf } from "~/features/chat/reached";
import { waitOf } from "~/features/chat/wait";

export interface Piece {
  text: string;
  thought: string;
}

export interface Ending {
  state: Exclude<Answer["state"], "running">;
  failure: Failure | null;
  finish: string | null;
  /** Null when there was no response. */
  requestId: string | null;
  usage: { promptTokens: number; completionTokens: number } | null;
  /** Milliseconds from the request, measured here. */
  firstTokenMs: number | null;
  totalMs: number;
}

const LOST = "The connection was lost before the answer ended. What came is kept; ask again to get the rest.";

export interface Listener {
  /** The gateway has begun to respond. By its id the record of the request can be read. */
  onBegin: (requestId: string) => void;
  onPiece: (piece: Piece) => void;
  /** What the request waits for, before its answer begins. */
  onWait: (wait: Wait) => void;
}

/** Send a request, and pass on each piece of its answer as it comes. Never throws: what went wrong is in the ending. */
export async function complete(request: ModelRequest, signal: AbortSignal, { onBegin, onPiece, onWait }: Listener): Promise<Ending> {
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
  const body: Schemas["ChatRequest"] = { ...request, stream: true, stream_options: { include_usage: true } };
  try {
    const response = await window.fetch("/v1/chat/completions", {
      method: "POST",
      credentials: "same-origin",
      headers: { ...csrfHeaders(), "content-type": "application/json", "x-queue-events": "1" },
      body: JSON.stringify(body),
      signal,
    });
    ending.requestId = response.headers.get("x-request-id");
    if (ending.requestId !== null) onBegin(ending.requestId);
    if (!response.ok || response.body === null) {
      ending.state = "refused";
      ending.failure = await failureOf(response);
    } else {
      const pass = (piece: Piece) => {
        ending.firstTokenMs ??= performance.now() - began;
        onPiece(piece);
      };
      const onComment = (comment: string) => {
        const wait = waitOf(comment);
        if (wait !== null) onWait(wait);
      };
      await follow(response.body, ending, pass, onComment);
    }
  } catch {
    ending.failure = { message: ending.requestId === null ? UNREACHABLE : LOST, code: null, retryAt: null };
    if (ending.requestId === null) ending.state = "refused";
  }
  // Whatever failed, it failed because the reader stopped it.
  if (signal.aborted) {
    ending.state = "stopped";
    ending.failure = null;
  }
  ending.totalMs = performance.now() - began;
  return ending;
}

async function failureOf(response: Response): Promise<Failure> {
  const content: unknown = await response.json().catch(() => null);
  const error = errorOf(response, content);
  return {
    message: error.message,
    code: error.code,
    retryAt: error.retryAfter === null ? null : Date.now() + error.retryAfter * 1000,
    limit: reachedLimitOf(field(content, "error")),
  };
}

/** Read a stream to its end into `ending`. A stream without an explicit end was cut. */
async function follow(
  stream: ReadableStream<Uint8Array>,
  ending: Ending,
  onPiece: (piece: Piece) => void,
  onComment: (comment: string) => void,
): Promise<void> {
  for await (const data of readEvents(stream, onComment)) {
    if (data === "[DONE]") {
      ending.state = "done";
      return;
    }
    const chunk = readChunk(data);
    if (chunk.error !== null) {
      ending.failure = chunk.error;
      // The status may have gone while the request waited; the same failure is then told in the stream.
      if (ending.firstTokenMs === null) ending.state = "refused";
      return;
    }
    ending.finish = chunk.finish ?? ending.finish;
    ending.usage = chunk.usage ?? ending.usage;
    if (chunk.text !== "" || chunk.thought !== "") onPiece({ text: chunk.text, thought: chunk.thought });
  }
  ending.failure = { message: LOST, code: null, retryAt: null };
}

/** The data of each event of a stream, however its bytes are divided. */
export async function* readEvents(stream: ReadableStream<Uint8Array>, onComment?: (comment: string) => void): AsyncGenerator<string> {
  const events: string[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event.data), onComment });
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* events.splice(0);
    }
  } finally {
    // This tells the gateway that the reader stopped early; it fails where the stream is already broken.
    await reader.cancel().catch(() => undefined);
  }
}

interface Chunk extends Piece {
  finish: string | null;
  usage: Ending["usage"];
  error: Failure | null;
}

/** The content of an event. Events come from the upstream, so nothing in them is taken for granted. */
export function readChunk(data: string): Chunk {
  const chunk: Chunk = { text: "", thought: "", finish: null, usage: null, error: null };
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    chunk.error = { message: "The answer broke off in something that is not readable.", code: null, retryAt: null };
    return chunk;
  }
  const error = field(event, "error");
  if (error !== undefined) {
    const message = textOf(field(error, "message"));
    chunk.error = {
      message: message === "" ? "The answer broke off." : message,
      code: textOf(field(error, "code")) || null,
      retryAt: null,
      limit: reachedLimitOf(error),
    };
    return chunk;
  }
  const choices = field(event, "choices");
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const delta = field(choice, "delta");
  chunk.text = textOf(field(delta, "content"));
  chunk.thought = textOf(field(delta, "reasoning")) || textOf(field(delta, "reasoning_content"));
  chunk.finish = textOf(field(choice, "finish_reason")) || null;
  const usage = field(event, "usage");
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
