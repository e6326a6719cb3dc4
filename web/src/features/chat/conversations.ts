/** The conversations of the signed-in user, and the answers that run in them. Answers go on while other pages are open. */
import { complete, type Ending } from "~/features/chat/completion";
import { type Answer, type Conversation, isRunning, type Message, type Question, requestMessages, titleOf, withoutRunning } from "~/features/chat/conversation";
import { readRecord } from "~/features/chat/record";
import { BrowserStorage, type ConversationStorage, excess } from "~/features/chat/storage";
import { nextWait } from "~/features/chat/wait";

export interface Shown {
  /** The one that changed last comes first. */
  conversations: readonly Conversation[];
  loaded: boolean;
  /** False where the browser stores nothing: conversations then last as long as the page. */
  stored: boolean;
}

/** The model to ask. */
export interface Model {
  id: string;
  seesImages: boolean;
}

export interface Gateway {
  complete: typeof complete;
  readRecord: typeof readRecord;
}

/** How often a running answer is stored. */
const SAVED_EVERY_MS = 4_000;

export class Conversations {
  private shown: Shown = { conversations: [], loaded: false, stored: true };
  private readonly watchers = new Set<() => void>();
  private readonly runs = new Map<string, AbortController>();
  private readonly listeners = new Set<(answer: Answer) => void>();

  constructor(
    readonly userId: string,
    private readonly storage: ConversationStorage = new BrowserStorage(),
    private readonly gateway: Gateway = { complete, readRecord },
  ) {}

  readonly read = (): Shown => this.shown;

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    return () => {
      this.watchers.delete(changed);
    };
  };

  /** Call `listener` with each answer that has ended, until the returned function is called. */
  listen(listener: (answer: Answer) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Read what is stored, with the changes of other tabs. Conversations with answers that run here stay as they are. */
  async load(): Promise<void> {
    if (!this.shown.stored) return;
    try {
      const found = await this.storage.all(this.userId);
      const running = this.shown.conversations.filter((conversation) => this.runs.has(conversation.id));
      const others = found.filter((conversation) => !this.runs.has(conversation.id)).map(withoutRunning);
      this.show({ conversations: sorted([...running, ...others]), loaded: true });
    } catch {
      this.show({ loaded: true, stored: false });
    }
  }

  find(id: string): Conversation | undefined {
    return this.shown.conversations.find((conversation) => conversation.id === id);
  }

  /** Ask a question in a conversation, or in a new one for null; returns the conversation's id. */
  send(id: string | null, model: Model, text: string, images: readonly string[]): string {
    const question: Question = { role: "user", id: newId(), text, images };
    const old = id === null ? undefined : this.find(id);
    const conversation = old ?? { id: newId(), userId: this.userId, title: titleOf(text), model: model.id, changedAt: 0, messages: [] };
    this.start(conversation, [...conversation.messages, question], model);
    return conversation.id;
  }

  /** Ask the last question again; the new answer replaces the old one. */
  again(id: string, model: Model): void {
    const conversation = this.find(id);
    if (conversation === undefined || isRunning(conversation)) return;
    const messages = conversation.messages.at(-1)?.role === "assistant" ? conversation.messages.slice(0, -1) : conversation.messages;
    this.start(conversation, messages, model);
  }

  stop(id: string): void {
    this.runs.get(id)?.abort();
  }

  rename(id: string, title: string): void {
    const conversation = this.find(id);
    if (conversation !== undefined && title.trim() !== "") this.put({ ...conversation, title: title.trim().slice(0, 200) });
  }

  choose(id: string, model: string): void {
    const conversation = this.find(id);
    if (conversation !== undefined) this.put({ ...conversation, model });
  }

  /** Remove conversations; returns them for an undo. */
  remove(ids: readonly string[]): Conversation[] {
    for (const id of ids) this.stop(id);
    const gone = this.shown.conversations.filter((conversation) => ids.includes(conversation.id)).map(withoutRunning);
    this.show({ conversations: this.shown.conversations.filter((conversation) => !ids.includes(conversation.id)) });
    void this.checkStored(this.storage.remove(ids));
    return gone;
  }

  restore(conversations: readonly Conversation[]): void {
    this.show({ conversations: sorted([...conversations, ...this.shown.conversations]) });
    void this.checkStored(this.storage.put(conversations));
  }

  /** Stop all answers: another user has signed in. */
  close(): void {
    for (const control of this.runs.values()) control.abort();
  }

  private start(conversation: Conversation, messages: readonly Message[], model: Model): void {
    const control = new AbortController();
    this.runs.set(conversation.id, control);
    const answer: Answer = {
      role: "assistant",
      id: newId(),
      model: model.id,
      askedAt: Date.now(),
      text: "",
      thought: "",
      state: "running",
      failure: null,
      finish: null,
      requestId: null,
      figures: null,
    };
    this.put({ ...conversation, model: model.id, changedAt: Date.now(), messages: [...messages, answer] });
    void this.run(conversation.id, answer, requestMessages(messages, model.seesImages), control);
  }

  private async run(id: string, begun: Answer, messages: Parameters<Gateway["complete"]>[1], control: AbortController): Promise<void> {
    let answer = begun;
    let savedAt = Date.now();
    let frame = 0;
    const draw = () => {
      frame = 0;
      this.replace(id, answer);
      if (Date.now() - savedAt > SAVED_EVERY_MS) {
        savedAt = Date.now();
        this.save(id);
      }
    };
    const change = (changed: Partial<Answer>) => {
      answer = { ...answer, ...changed };
      // At most one update a frame, however fast the model is.
      if (frame === 0) frame = window.requestAnimationFrame(draw);
    };
    const ending = await this.gateway.complete(
      begun.model,
      messages,
      control.signal,
      (piece) => change({ text: answer.text + piece.text, thought: answer.thought + piece.thought }),
      (wait) => change({ wait: nextWait(answer.wait ?? null, wait) }),
    );
    window.cancelAnimationFrame(frame);
    this.runs.delete(id);
    answer = ended(answer, ending);
    this.replace(id, answer);
    this.save(id);
    for (const listener of this.listeners) listener(answer);
    if (ending.state !== "refused") await this.addFigures(id, answer);
  }

  /** Add the figures of the record to an answer. */
  private async addFigures(id: string, answer: Answer): Promise<void> {
    const record = answer.requestId === null ? null : await this.gateway.readRecord(answer.requestId);
    if (record === null) return;
    this.replace(id, {
      ...answer,
      figures: {
        promptTokens: record.prompt_tokens,
        completionTokens: record.completion_tokens,
        costUsd: record.cost_usd,
        firstTokenMs: record.first_token_ms,
        queuedMs: record.queued_ms,
        totalMs: record.latency_ms,
      },
    });
    this.save(id);
  }

  /** Update an answer, unless it was removed from its conversation meanwhile. */
  private replace(id: string, answer: Answer): void {
    const conversation = this.find(id);
    if (conversation === undefined) return;
    const changed = { ...conversation, messages: conversation.messages.map((message) => (message.id === answer.id ? answer : message)) };
    this.show({ conversations: this.shown.conversations.map((other) => (other.id === id ? changed : other)) });
  }

  private put(conversation: Conversation): void {
    this.show({ conversations: sorted([conversation, ...this.shown.conversations.filter((other) => other.id !== conversation.id)]) });
    this.save(conversation.id);
  }

  private save(id: string): void {
    const conversation = this.find(id);
    if (conversation !== undefined) void this.checkStored(this.storage.put([conversation]));
    const over = excess(this.shown.conversations).filter((other) => !this.runs.has(other.id));
    if (over.length > 0) this.remove(over.map((other) => other.id));
  }

  /** Note when the browser cannot store something. */
  private async checkStored(written: Promise<void>): Promise<void> {
    try {
      await written;
    } catch {
      this.show({ stored: false });
    }
  }

  private show(changed: Partial<Shown>): void {
    this.shown = { ...this.shown, ...changed };
    for (const watcher of this.watchers) watcher();
  }
}

function ended(answer: Answer, ending: Ending): Answer {
  const { state, failure, finish, requestId, usage, firstTokenMs, totalMs } = ending;
  const figures = usage === null ? null : { ...usage, costUsd: null, firstTokenMs, queuedMs: 0, totalMs };
  return { ...answer, wait: null, state, failure, finish, requestId, figures };
}

function sorted(conversations: readonly Conversation[]): Conversation[] {
  return [...conversations].sort((a, b) => b.changedAt - a.changedAt);
}

function newId(): string {
  return crypto.randomUUID();
}

let open: Conversations | null = null;

/** The conversations of this user; the answers of another one are stopped. */
export function conversationsOf(userId: string): Conversations {
  if (open?.userId !== userId) {
    open?.close();
    open = new Conversations(userId);
  }
  return open;
}
