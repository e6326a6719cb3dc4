/** Conversations are stored in this browser (IndexedDB), and nowhere else. */
import type { Conversation } from "~/features/chat/conversation";

export interface ConversationStorage {
  /** All conversations of a user, in any order. */
  all(userId: string): Promise<Conversation[]>;
  put(conversations: readonly Conversation[]): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
}

const DATABASE = "tollkeeper-chat";
const STORE = "talks"; // Databases of browsers have this name.
const BY_USER = "user";

export class BrowserStorage implements ConversationStorage {
  private opened: Promise<IDBDatabase> | null = null;

  async all(userId: string): Promise<Conversation[]> {
    const store = await this.store("readonly");
    return settled(store.index(BY_USER).getAll(userId) as IDBRequest<Conversation[]>);
  }

  async put(conversations: readonly Conversation[]): Promise<void> {
    const store = await this.store("readwrite");
    for (const conversation of conversations) store.put(conversation);
    // Said at once, the last of it is written even where the page is being closed.
    store.transaction.commit();
    await committed(store.transaction);
  }

  async remove(ids: readonly string[]): Promise<void> {
    const store = await this.store("readwrite");
    for (const id of ids) store.delete(id);
    await committed(store.transaction);
  }

  private async store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
    this.opened ??= open();
    return (await this.opened).transaction(STORE, mode).objectStore(STORE);
  }
}

async function open(): Promise<IDBDatabase> {
  const request = window.indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(STORE, { keyPath: "id" }).createIndex(BY_USER, "userId");
  };
  return settled(request);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error ?? new Error("The browser's storage failed."));
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((done, failed) => {
    transaction.oncomplete = () => done();
    transaction.onabort = () => failed(transaction.error ?? new Error("The browser's storage is full."));
  });
}

export const MAX_CONVERSATIONS = 100;
const MAX_CHARACTERS = 48_000_000;

/** The oldest conversations that are beyond what is stored, because there are too many or their images are too large. The newest
 * always stays. `conversations`: newest first. */
export function excess(conversations: readonly Conversation[]): Conversation[] {
  let characters = 0;
  return conversations.filter((conversation, place) => {
    characters += sizeOf(conversation);
    return place > 0 && (place >= MAX_CONVERSATIONS || characters > MAX_CHARACTERS);
  });
}

function sizeOf(conversation: Conversation): number {
  let size = conversation.title.length;
  for (const message of conversation.messages) {
    size += message.text.length;
    if (message.role === "user") for (const image of message.images) size += image.length;
    else size += message.thought.length;
  }
  return size;
}
