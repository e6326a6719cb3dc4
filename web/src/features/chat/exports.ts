/** Conversations as files: JSON with everything that is known of them, Markdown to read and edit. `imports.ts` reads both. */
import { type Conversation, withoutRunning } from "~/features/chat/conversation";

export const FORMAT = "tollkeeper.conversations";
export const VERSION = 1;

/** All that is known of conversations, but whose they are. */
export function toJson(conversations: readonly Conversation[]): string {
  const plain = conversations.map(withoutRunning).map(({ title, model, changedAt, settings, messages }) => ({ title, model, changedAt, settings, messages }));
  return `${JSON.stringify({ format: FORMAT, version: VERSION, conversations: plain }, null, 2)}\n`;
}

export type Role = "system" | "user" | "assistant";

/** Begins each message, in a line of its own, which readers of Markdown do not show. */
export const MARK = /^<!-- (system|user|assistant)(?: (\S+))? -->$/;
/** A line of a text that would be read as a mark or an image, or that was written with backslashes for this reason. */
export const MARKED = /^\\*(?:<!-- (?:system|user|assistant)\b|!\[Image \d+\]\(data:)/;

/** The name above a message. */
export function labelOf(role: Role, model: string): string {
  return `**${{ system: "System prompt", user: "You", assistant: model }[role]}**`;
}

/** The texts of a conversation. What each answer cost, say, is left out. */
export function toMarkdown({ title, settings, messages }: Conversation): string {
  const parts = [`# ${title.replaceAll("\n", " ")}`];
  if (settings !== undefined && settings.system !== "") parts.push(section("system", "", settings.system));
  for (const message of messages) {
    if (message.role === "assistant") parts.push(section("assistant", message.model, message.text));
    else parts.push(section("user", "", message.text), ...message.images.map((image, place) => `![Image ${place + 1}](${image})`));
  }
  return `${parts.join("\n\n")}\n`;
}

function section(role: Role, model: string, text: string): string {
  const lines = text.split("\n").map((line) => (MARKED.test(line) ? `\\${line}` : line));
  return `<!-- ${`${role} ${model}`.trim()} -->\n${labelOf(role, model)}\n\n${lines.join("\n")}`;
}

/** A file's name of a title: "what-is-a-toll.md". */
export function fileName(title: string, ending: "json" | "md"): string {
  const words = title.normalize("NFKD").replace(/[^\p{Letter}\p{Number}]+/gu, "-").replace(/^-+|-+$/g, "").toLowerCase();
  return `${words.slice(0, 60) || "conversation"}.${ending}`;
}

/** Have the browser save a text as a file. */
export function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: name.endsWith(".json") ? "application/json" : "text/markdown" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser takes the text when it is ready to.
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
