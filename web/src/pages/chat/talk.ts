/** A conversation as it is kept in the browser, and what of it goes to a model. */
import type { Schemas } from "~/api/client";

export interface Question {
  readonly role: "user";
  readonly id: string;
  readonly text: string;
  /** Data URLs. */
  readonly images: readonly string[];
}

/** Why an answer is not whole: what the gateway said, or what happened to the connection. */
export interface Failure {
  readonly message: string;
  readonly code: string | null;
  /** When the same may be asked again, in milliseconds since the epoch; null: not told. */
  readonly retryAt: number | null;
}

/** What an answer took. `costUsd` is the record's exact figure; null until, or unless, the record could be read. */
export interface Figures {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costUsd: string | null;
  readonly firstTokenMs: number | null;
  readonly queuedMs: number;
  readonly totalMs: number;
}

export interface Answer {
  readonly role: "assistant";
  readonly id: string;
  readonly model: string;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  readonly text: string;
  /** What a model that thinks aloud said before its answer. */
  readonly thought: string;
  /** `refused`: nothing came. `cut`: it broke off. `stopped`: by the reader. */
  readonly state: "running" | "done" | "stopped" | "refused" | "cut";
  readonly failure: Failure | null;
  /** As the model tells it; "length" is an answer that reached the limit of tokens. */
  readonly finish: string | null;
  readonly requestId: string | null;
  readonly figures: Figures | null;
}

export type Message = Question | Answer;

export interface Talk {
  readonly id: string;
  readonly userId: string;
  readonly title: string;
  readonly model: string;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
  readonly messages: readonly Message[];
}

const TITLE_CHARACTERS = 60;

/** The first words of the first question. */
export function titleOf(text: string): string {
  const line = text.trim().split("\n")[0]?.trim() ?? "";
  if (line === "") return "An image";
  if (line.length <= TITLE_CHARACTERS) return line;
  const kept = line.slice(0, TITLE_CHARACTERS);
  const space = kept.lastIndexOf(" ");
  return `${kept.slice(0, space > TITLE_CHARACTERS / 2 ? space : TITLE_CHARACTERS)}…`;
}

export function lastAnswer(talk: Talk): Answer | null {
  const last = talk.messages.at(-1);
  return last?.role === "assistant" ? last : null;
}

export function isRunning(talk: Talk): boolean {
  return lastAnswer(talk)?.state === "running";
}

/** What is sent: every question, and every answer of which something came. Images stay out where the model takes none. */
export function requestMessages(messages: readonly Message[], seesImages: boolean): Schemas["ChatMessage"][] {
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

const CLOSED: Failure = { message: "The page was closed before the answer ended.", code: null, retryAt: null };

/** A conversation as another page left it: an answer that ran there has no one to go on with it. */
export function asLeft(talk: Talk): Talk {
  if (!isRunning(talk)) return talk;
  return {
    ...talk,
    messages: talk.messages.map((message) =>
      message.role === "assistant" && message.state === "running" ? { ...message, state: "cut", failure: CLOSED } : message,
    ),
  };
}
