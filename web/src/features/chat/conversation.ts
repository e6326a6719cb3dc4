/** A conversation as it is stored in the browser, and the messages of it that are sent to a model. */
import type { Schemas } from "~/api/client";
import type { ReachedLimit } from "~/features/chat/reached";

export interface Question {
  readonly role: "user";
  readonly id: string;
  readonly text: string;
  /** Data URLs. */
  readonly images: readonly string[];
}

/** Why an answer is missing or incomplete: the gateway's error, or what happened to the connection. */
export interface Failure {
  readonly message: string;
  readonly code: string | null;
  /** When the same request may be sent again, in milliseconds since the epoch; null: unknown. */
  readonly retryAt: number | null;
  /** The limit that refused; failures that earlier versions stored have none. */
  readonly limit?: ReachedLimit | null;
}

/** What an answer used and how long it took. `costUsd` is exact, from the record; null until the record is read. */
export interface Figures {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costUsd: string | null;
  readonly firstTokenMs: number | null;
  readonly queuedMs: number;
  readonly totalMs: number;
}

/** What a request waits for before its answer begins: its turn, with its place and the seconds that are estimated, or its model. */
export type Wait = { readonly for: "turn"; readonly position: number | null; readonly estimateS: number | null } | { readonly for: "model" };

export interface Answer {
  readonly role: "assistant";
  readonly id: string;
  readonly model: string;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  readonly text: string;
  /** The reasoning that some models give before the answer. */
  readonly thought: string;
  /** The last that the gateway said of the wait; only while nothing has come. */
  readonly wait?: Wait | null;
  /** `refused`: no answer came. `cut`: it broke off. `stopped`: the reader stopped it. */
  readonly state: "running" | "done" | "stopped" | "refused" | "cut";
  readonly failure: Failure | null;
  /** The finish reason; "length" means that the answer reached the limit of tokens. */
  readonly finish: string | null;
  readonly requestId: string | null;
  readonly figures: Figures | null;
}

export type Message = Question | Answer;

/** How a conversation's questions are asked. What is null is left to the model, or to the gateway. */
export interface Settings {
  readonly system: string;
  readonly maxTokens: number | null;
  readonly temperature: number | null;
}

export const NO_SETTINGS: Settings = { system: "", maxTokens: null, temperature: null };

export interface Conversation {
  readonly id: string;
  readonly userId: string;
  readonly title: string;
  readonly model: string;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
  readonly messages: readonly Message[];
  /** Conversations of earlier versions have none. */
  readonly settings?: Settings;
}

const MAX_TITLE = 60;

/** The first words of the first question. */
export function titleOf(text: string): string {
  const line = text.trim().split("\n")[0]?.trim() ?? "";
  if (line === "") return "An image";
  if (line.length <= MAX_TITLE) return line;
  const kept = line.slice(0, MAX_TITLE);
  const space = kept.lastIndexOf(" ");
  return `${kept.slice(0, space > MAX_TITLE / 2 ? space : MAX_TITLE)}…`;
}

export function lastAnswer(conversation: Conversation): Answer | null {
  const last = conversation.messages.at(-1);
  return last?.role === "assistant" ? last : null;
}

export function isRunning(conversation: Conversation): boolean {
  return lastAnswer(conversation)?.state === "running";
}

export type ModelRequest = Pick<Schemas["ChatRequest"], "model" | "messages" | "temperature" | "max_completion_tokens">;

/** What is sent to a model: the system prompt, all questions, and all answers that have text. */
export function requestOf(model: { id: string; seesImages: boolean }, messages: readonly Message[], { system, maxTokens, temperature }: Settings): ModelRequest {
  const prompt: Schemas["ChatMessage"][] = system.trim() === "" ? [] : [{ role: "system", content: system }];
  return {
    model: model.id,
    messages: [...prompt, ...requestMessages(messages, model.seesImages)],
    // The newer name of `max_tokens`, which models that reason insist on; the gateway writes it as each upstream knows it.
    ...(maxTokens !== null && { max_completion_tokens: maxTokens }),
    ...(temperature !== null && { temperature }),
  };
}

/** Images are left out where the model takes none. */
function requestMessages(messages: readonly Message[], seesImages: boolean): Schemas["ChatMessage"][] {
  const sent: Schemas["ChatMessage"][] = [];
  for (const message of messages) {
    if (message.role === "assistant") {
      if (message.text !== "") sent.push({ role: "assistant", content: message.text });
    } else if (message.images.length === 0 || !seesImages) {
      sent.push({ role: "user", content: message.text === "" ? "(an image)" : message.text });
    } else {
      const images: Schemas["ContentPart"][] = message.images.map((url) => ({ type: "image_url", image_url: { url } }));
      sent.push({ role: "user", content: message.text === "" ? images : [{ type: "text", text: message.text }, ...images] });
    }
  }
  return sent;
}

export function hasImages(messages: readonly Message[]): boolean {
  return messages.some((message) => message.role === "user" && message.images.length > 0);
}

const CLOSED: Failure = { message: "The page was closed before the answer ended. What had come by then is kept.", code: null, retryAt: null };

/** An answer whose page was closed while it ran: it was cut. */
export function closed(answer: Answer): Answer {
  return { ...answer, wait: null, state: "cut", failure: CLOSED };
}

/** A conversation with one of its answers changed. */
export function withAnswer(conversation: Conversation, answer: Answer): Conversation {
  return { ...conversation, messages: conversation.messages.map((message) => (message.id === answer.id ? answer : message)) };
}

/** A conversation without running answers. */
export function withoutRunning(conversation: Conversation): Conversation {
  const last = lastAnswer(conversation);
  return last?.state === "running" ? withAnswer(conversation, closed(last)) : conversation;
}
