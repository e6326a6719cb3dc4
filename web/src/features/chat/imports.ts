/** Conversations from files, which may be made by anybody: only what is known is read, in its own form and bounded, and ids are new. */
import { type Answer, type Conversation, type Figures, type Message, type Question, type Settings, titleOf } from "~/features/chat/conversation";
import { FORMAT, labelOf, MARK, MARKED, type Role, VERSION } from "~/features/chat/exports";
import { newId } from "~/features/chat/ids";
import { MAX_IMAGES } from "~/features/chat/images";
import { reachedLimitOf } from "~/features/chat/reached";
import { MAX_CONVERSATIONS } from "~/features/chat/storage";
import { isName } from "~/features/chat/useChosenModel";

export const MAX_FILE_BYTES = 64_000_000;
const MAX_MESSAGES = 2_000;
const MAX_TEXT = 2_000_000;
const MAX_TITLE = 200;
const MAX_IMAGE = 8_000_000;
/** SVG is none of them: it is a document. */
const IMAGE = /^data:image\/(?:png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+={0,2}$/;
const USD = /^-?\d{1,15}(?:\.\d{1,18})?$/;
const REQUEST_ID = /^[A-Za-z0-9_-]{1,100}$/;

/** Why a file is not read, in words for people. */
export class NotReadable extends Error {
  override readonly name = "NotReadable";
}

/** The conversations of a file, newest first, as those of this user. Throws NotReadable. */
export async function readFile(file: File, userId: string): Promise<Conversation[]> {
  if (file.size > MAX_FILE_BYTES) throw new NotReadable(`«${file.name}» is larger than ${MAX_FILE_BYTES / 1_000_000} MB.`);
  const text = await file.text();
  return /\.(?:md|markdown)$/i.test(file.name) ? [fromMarkdown(text, userId)] : fromJson(text, userId);
}

export function fromJson(text: string, userId: string): Conversation[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new NotReadable("This is no JSON file. Choose one that was exported here, or one in Markdown whose name ends in .md.");
  }
  const { format, version, conversations } = fieldsOf(content);
  if (format !== FORMAT || !Array.isArray(conversations)) throw new NotReadable("This file holds no conversations that were exported here.");
  if (version !== VERSION) throw new NotReadable("This file was exported by another version of these pages, which write it in another form.");
  if (conversations.length > MAX_CONVERSATIONS) throw new NotReadable(`This file holds more than ${MAX_CONVERSATIONS} conversations.`);
  return conversations.map((one: unknown) => conversationOf(one, userId));
}

function conversationOf(content: unknown, userId: string): Conversation {
  const { title, model, changedAt, messages, settings } = fieldsOf(content);
  if (!Array.isArray(messages) || messages.length > MAX_MESSAGES) throw new NotReadable(`A conversation in this file has no messages, or more than ${MAX_MESSAGES}.`);
  const read = messages.map((one: unknown) => messageOf(one));
  const [first] = read;
  const named = textOf(title, MAX_TITLE).trim();
  return {
    id: newId(),
    userId,
    title: named === "" ? titleOf(first?.text ?? "") : named,
    model: modelOf(model),
    changedAt: numberOf(changedAt, 0, Date.now()) ?? Date.now(),
    messages: read,
    settings: settingsOf(settings),
  };
}

function messageOf(content: unknown): Message {
  const fields = fieldsOf(content);
  if (fields["role"] === "user") return questionOf(textOf(fields["text"], MAX_TEXT), Array.isArray(fields["images"]) ? fields["images"] : []);
  if (fields["role"] === "assistant") return answerOf(fields);
  throw new NotReadable("A message in this file is neither a question nor an answer.");
}

function questionOf(text: string, images: readonly unknown[]): Question {
  if (images.length > MAX_IMAGES || !images.every(isImage)) {
    throw new NotReadable(`A question in this file has more than ${MAX_IMAGES} images, or one that is no PNG, JPEG, WebP or GIF.`);
  }
  return { role: "user", id: newId(), text, images };
}

function isImage(image: unknown): image is string {
  return typeof image === "string" && image.length <= MAX_IMAGE && IMAGE.test(image);
}

const STATES = ["done", "stopped", "refused", "cut"] as const;

function answerOf(fields: Fields): Answer {
  const { failure, figures, finish, requestId } = fields;
  const state = STATES.find((one) => one === fields["state"]) ?? "done";
  const { message, code } = fieldsOf(failure);
  return {
    role: "assistant",
    id: newId(),
    model: modelOf(fields["model"]),
    askedAt: numberOf(fields["askedAt"], 0, Date.now()) ?? 0,
    text: textOf(fields["text"], MAX_TEXT),
    thought: textOf(fields["thought"], MAX_TEXT),
    state,
    // When the question could be asked again is long past.
    failure: typeof message === "string" ? { message: textOf(message, 2_000), code: textOf(code, 100) || null, retryAt: null, limit: reachedLimitOf(failure) } : null,
    finish: textOf(finish, 100) || null,
    requestId: typeof requestId === "string" && REQUEST_ID.test(requestId) ? requestId : null,
    figures: figuresOf(figures),
  };
}

function figuresOf(content: unknown): Figures | null {
  const { promptTokens, completionTokens, costUsd, firstTokenMs, queuedMs, totalMs } = fieldsOf(content);
  const [input, output, total] = [promptTokens, completionTokens, totalMs].map((value) => numberOf(value, 0, 1e12));
  if (input == null || output == null || total == null) return null;
  return {
    promptTokens: Math.round(input),
    completionTokens: Math.round(output),
    costUsd: typeof costUsd === "string" && USD.test(costUsd) ? costUsd : null,
    firstTokenMs: numberOf(firstTokenMs, 0, 1e12),
    queuedMs: numberOf(queuedMs, 0, 1e12) ?? 0,
    totalMs: total,
  };
}

function settingsOf(content: unknown): Settings {
  const { system, maxTokens, temperature } = fieldsOf(content);
  const most = numberOf(maxTokens, 1, 1e9);
  return { system: textOf(system, MAX_TEXT), maxTokens: most === null ? null : Math.round(most), temperature: numberOf(temperature, 0, 2) };
}

/** A conversation as `toMarkdown` writes it, or changed by hand. */
export function fromMarkdown(text: string, userId: string): Conversation {
  const { head, sections } = sectionsOf(text);
  const messages: Message[] = [];
  let system = "";
  let model = UNKNOWN;
  for (const section of sections) {
    if (section.role === "system") system = plain(section.lines);
    else if (section.role === "user") messages.push(questionIn(section.lines));
    else {
      model = modelOf(section.model);
      messages.push(answerOf({ model, text: plain(section.lines) }));
    }
  }
  if (messages.length === 0) throw new NotReadable("This file holds no conversation: each message of one begins with a line such as <!-- user -->.");
  if (messages.length > MAX_MESSAGES) throw new NotReadable(`This conversation has more than ${MAX_MESSAGES} messages.`);
  const title = head.find((line) => line.startsWith("# "))?.slice(2).trim() ?? "";
  return {
    id: newId(),
    userId,
    title: title === "" ? titleOf(messages[0]?.text ?? "") : title.slice(0, MAX_TITLE),
    model,
    changedAt: Date.now(),
    messages,
    settings: settingsOf({ system }),
  };
}

interface Section {
  role: Role;
  model: string;
  lines: string[];
}

function sectionsOf(text: string): { head: string[]; sections: Section[] } {
  const head: string[] = [];
  const sections: Section[] = [];
  for (const line of text.replaceAll("\r\n", "\n").split("\n")) {
    const [, role, model = ""] = MARK.exec(line) ?? [];
    const section = sections.at(-1);
    if (role !== undefined) sections.push({ role: role as Role, model, lines: [] });
    else if (section === undefined) head.push(line);
    // The name above a message is for people.
    else if (section.lines.length > 0 || line !== labelOf(section.role, section.model)) section.lines.push(line);
  }
  return { head, sections };
}

const IMAGE_LINE = /^!\[Image \d+\]\((data:[^)]*)\)$/;

function questionIn(lines: readonly string[]): Question {
  const images = lines.flatMap((line) => IMAGE_LINE.exec(line)?.[1] ?? []);
  return questionOf(plain(lines.filter((line) => !IMAGE_LINE.test(line))), images);
}

/** The text of these lines without what was put before some of them, and without empty lines around it. */
function plain(lines: readonly string[]): string {
  const text = lines.map((line) => (line.startsWith("\\") && MARKED.test(line) ? line.slice(1) : line)).join("\n");
  return textOf(text, MAX_TEXT).replace(/^\n+|\n+$/g, "");
}

const UNKNOWN = "unknown";

function modelOf(value: unknown): string {
  return typeof value === "string" && isName(value) ? value : UNKNOWN;
}

type Fields = Record<string, unknown>;

function fieldsOf(content: unknown): Fields {
  return typeof content === "object" && content !== null && !Array.isArray(content) ? (content as Fields) : {};
}

/** A text, "" in the place of anything else. Throws NotReadable where it is too long. */
function textOf(value: unknown, most: number): string {
  if (typeof value !== "string") return "";
  if (value.length > most) throw new NotReadable(`A text in this file has more than ${most.toLocaleString("en")} characters.`);
  return value;
}

function numberOf(value: unknown, least: number, most: number): number | null {
  return typeof value === "number" && value >= least && value <= most ? value : null;
}
