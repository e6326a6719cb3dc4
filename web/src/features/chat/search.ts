/** Finds conversations by what was said in them. */
import type { Conversation } from "~/features/chat/conversation";

export interface Match {
  conversation: Conversation;
  /** Where it was found, with some words around; null where the title has it. */
  excerpt: string | null;
}

const BEFORE = 24;
const AFTER = 80;

/** The conversations that have all of these words, in their order. All of them where there are no words. */
export function search(conversations: readonly Conversation[], words: string): Match[] {
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return conversations.flatMap((conversation): Match[] => {
    const title = conversation.title.toLowerCase();
    if (wanted.every((word) => title.includes(word))) return [{ conversation, excerpt: null }];
    const texts = conversation.messages.map((message) => message.text);
    const all = [title, ...texts.map((text) => text.toLowerCase())];
    if (!wanted.every((word) => all.some((text) => text.includes(word)))) return [];
    const phrase = wanted.join(" ");
    const missing = wanted.find((word) => !title.includes(word)) ?? "";
    return [{ conversation, excerpt: excerptOf(texts, all.slice(1).some((text) => text.includes(phrase)) ? phrase : missing) }];
  });
}

function excerptOf(texts: readonly string[], word: string): string {
  const text = texts.find((one) => one.toLowerCase().includes(word)) ?? "";
  const at = Math.max(0, text.toLowerCase().indexOf(word));
  const from = at <= BEFORE ? 0 : text.indexOf(" ", at - BEFORE) + 1 || at;
  return `${from === 0 ? "" : "…"}${text.slice(Math.min(from, at), at + AFTER).replace(/\s+/g, " ").trim()}`;
}
