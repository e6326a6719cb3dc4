/** The conversations of the signed-in user, and the answers that run in them. They go on while other pages are looked at. */
import { ask as askGateway, type Ending } from "~/pages/chat/ask";
import { readRecord } from "~/pages/chat/record";
import { BrowserShelf, excess, type Shelf } from "~/pages/chat/shelf";
import { type Answer, asLeft, isRunning, type Message, type Question, requestMessages, type Talk, titleOf } from "~/pages/chat/talk";

export interface Shown {
  /** The one that changed last comes first. */
  talks: readonly Talk[];
  loaded: boolean;
  /** False where the browser keeps nothing: conversations then live as long as the page. */
  kept: boolean;
}

export interface Model {
  id: string;
  seesImages: boolean;
}

export interface Gateway {
  ask: typeof askGateway;
  readRecord: typeof readRecord;
}

const SAVED_EVERY_MS = 4_000;

export class Chats {
  private shown: Shown = { talks: [], loaded: false, kept: true };
  private readonly watchers = new Set<() => void>();
  private readonly runs = new Map<string, AbortController>();
  private readonly listeners = new Set<(answer: Answer) => void>();

  constructor(
    readonly userId: string,
    private readonly shelf: Shelf = new BrowserShelf(),
    private readonly gateway: Gateway = { ask: askGateway, readRecord },
  ) {}

  readonly read = (): Shown => this.shown;

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    return () => {
      this.watchers.delete(changed);
    };
  };

  /** `listener` is told of each answer that ended; gives what ends that. */
  listen(listener: (answer: Answer) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Reads what is kept, as other tabs of this browser left it, too. What runs here is as it is here. */
  async load(): Promise<void> {
    if (!this.shown.kept) return;
    try {
      const found = await this.shelf.all(this.userId);
      const ours = this.shown.talks.filter((talk) => this.runs.has(talk.id));
      const talks = found.filter((talk) => !this.runs.has(talk.id)).map(asLeft);
      this.show({ talks: sorted([...ours, ...talks]), loaded: true });
    } catch {
      this.show({ loaded: true, kept: false });
    }
  }

  find(id: string): Talk | undefined {
    return this.shown.talks.find((talk) => talk.id === id);
  }

  /** Asks in a conversation, a new one for null; gives the conversation's id. */
  send(id: string | null, model: Model, text: string, images: readonly string[]): string {
    const question: Question = { role: "user", id: newId(), text, images };
    const old = id === null ? undefined : this.find(id);
    const talk = old ?? { id: newId(), userId: this.userId, title: titleOf(text), model: model.id, changedAt: 0, messages: [] };
    this.start(talk, [...talk.messages, question], model);
    return talk.id;
  }

  /** Asks the last question again; its answer makes way. */
  again(id: string, model: Model): void {
    const talk = this.find(id);
    if (talk === undefined || isRunning(talk)) return;
    const messages = talk.messages.at(-1)?.role === "assistant" ? talk.messages.slice(0, -1) : talk.messages;
    this.start(talk, messages, model);
  }

  stop(id: string): void {
    this.runs.get(id)?.abort();
  }

  rename(id: string, title: string): void {
    const talk = this.find(id);
    if (talk !== undefined && title.trim() !== "") this.put({ ...talk, title: title.trim().slice(0, 200) });
  }

  choose(id: string, model: string): void {
    const talk = this.find(id);
    if (talk !== undefined) this.put({ ...talk, model });
  }

  /** Takes conversations away, and gives them back for an undo. */
  remove(ids: readonly string[]): Talk[] {
    for (const id of ids) this.stop(id);
    const gone = this.shown.talks.filter((talk) => ids.includes(talk.id)).map(asLeft);
    this.show({ talks: this.shown.talks.filter((talk) => !ids.includes(talk.id)) });
    void this.keep(this.shelf.drop(ids));
    return gone;
  }

  restore(talks: readonly Talk[]): void {
    this.show({ talks: sorted([...talks, ...this.shown.talks]) });
    void this.keep(this.shelf.put(talks));
  }

  /** Nobody looks any more, as this user. */
  close(): void {
    for (const run of this.runs.values()) run.abort();
  }

  private start(talk: Talk, asked: readonly Message[], model: Model): void {
    const run = new AbortController();
    this.runs.set(talk.id, run);
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
    this.put({ ...talk, model: model.id, changedAt: Date.now(), messages: [...asked, answer] });
    void this.follow(talk.id, answer, requestMessages(asked, model.seesImages), run);
  }

  private async follow(id: string, begun: Answer, messages: Parameters<Gateway["ask"]>[1], run: AbortController): Promise<void> {
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
    const ending = await this.gateway.ask(begun.model, messages, run.signal, (piece) => {
      answer = { ...answer, text: answer.text + piece.text, thought: answer.thought + piece.thought };
      // At most one drawing a frame, however fast the model is.
      if (frame === 0) frame = window.requestAnimationFrame(draw);
    });
    window.cancelAnimationFrame(frame);
    this.runs.delete(id);
    answer = ended(answer, ending);
    this.replace(id, answer);
    this.save(id);
    for (const listener of this.listeners) listener(answer);
    if (ending.state !== "refused") await this.account(id, answer);
  }

  /** Puts the figures of the answer's record to it. */
  private async account(id: string, answer: Answer): Promise<void> {
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

  /** An answer that was taken out of its conversation meanwhile stays out. */
  private replace(id: string, answer: Answer): void {
    const talk = this.find(id);
    if (talk === undefined) return;
    const changed = { ...talk, messages: talk.messages.map((message) => (message.id === answer.id ? answer : message)) };
    this.show({ talks: this.shown.talks.map((other) => (other.id === id ? changed : other)) });
  }

  private put(talk: Talk): void {
    this.show({ talks: sorted([talk, ...this.shown.talks.filter((other) => other.id !== talk.id)]) });
    this.save(talk.id);
  }

  private save(id: string): void {
    const talk = this.find(id);
    if (talk !== undefined) void this.keep(this.shelf.put([talk]));
    const over = excess(this.shown.talks).filter((other) => !this.runs.has(other.id));
    if (over.length > 0) this.remove(over.map((other) => other.id));
  }

  private async keep(written: Promise<void>): Promise<void> {
    try {
      await written;
    } catch {
      this.show({ kept: false });
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
  return { ...answer, state, failure, finish, requestId, figures };
}

function sorted(talks: readonly Talk[]): Talk[] {
  return [...talks].sort((a, b) => b.changedAt - a.changedAt);
}

function newId(): string {
  return crypto.randomUUID();
}

let open: Chats | null = null;

/** The conversations of this user; what ran for another ends. */
export function chatsOf(userId: string): Chats {
  if (open?.userId !== userId) {
    open?.close();
    open = new Chats(userId);
  }
  return open;
}
