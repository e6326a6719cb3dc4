/** Where conversations are kept: in this browser (IndexedDB), and nowhere else. */
import type { Talk } from "~/pages/chat/talk";

export interface Shelf {
  /** All conversations of a user, in any order. */
  all(userId: string): Promise<Talk[]>;
  put(talks: readonly Talk[]): Promise<void>;
  drop(ids: readonly string[]): Promise<void>;
}

const DATABASE = "tollkeeper-chat";
const STORE = "talks";
const BY_USER = "user";

export class BrowserShelf implements Shelf {
  private opened: Promise<IDBDatabase> | null = null;

  async all(userId: string): Promise<Talk[]> {
    const store = await this.store("readonly");
    return settled(store.index(BY_USER).getAll(userId) as IDBRequest<Talk[]>);
  }

  async put(talks: readonly Talk[]): Promise<void> {
    const store = await this.store("readwrite");
    for (const talk of talks) store.put(talk);
    await committed(store.transaction);
  }

  async drop(ids: readonly string[]): Promise<void> {
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

const MOST_TALKS = 100;
const MOST_CHARACTERS = 48_000_000;

/** The oldest of conversations, newest first, that are over what is kept: there are too many, or their images too large. The
 * newest always stays. */
export function excess(talks: readonly Talk[]): Talk[] {
  let characters = 0;
  return talks.filter((talk, place) => {
    characters += sizeOf(talk);
    return place > 0 && (place >= MOST_TALKS || characters > MOST_CHARACTERS);
  });
}

function sizeOf(talk: Talk): number {
  let size = talk.title.length;
  for (const message of talk.messages) {
    size += message.text.length;
    if (message.role === "user") for (const image of message.images) size += image.length;
    else size += message.thought.length;
  }
  return size;
}
