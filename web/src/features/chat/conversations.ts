/** The conversations of the signed-in user, and the answers that run in them. Answers go on while other pages are open. */
import { complete, type Ending } from "~/features/chat/completion";
import {
  type Answer, closed, type Conversation, isRunning, lastAnswer, type Message, NO_SETTINGS, type Question, requestOf, type Settings, titleOf, withAnswer,
  withoutRunning,
} from "~/features/chat/conversation";
import { newId } from "~/features/chat/ids";
import { readRecord } from "~/features/chat/record";
import { BrowserStorage, type ConversationStorage, excess } from "~/features/chat/storage";
import { browserTurns, type Turns } from "~/features/chat/turns";
import { nextWait } from "~/features/chat/wait";
import { holdReload } from "~/ui/build";

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

/** How long a piece of a running answer is at most not stored. */
const SAVED_EVERY_MS = 1_000;

/** How long the figures that an answer lacks are asked for when conversations are read. */
const COMPLETED_FOR_MS = 86_400_000;

/** An answer that runs in this tab. `answer` is as far as it has come, which is shown once a frame. */
interface Run {
  control: AbortController;
  answer: Answer;
  /** Called when it has ended. */
  release: () => void;
}

export class Conversations {
  private shown: Shown = { conversations: [], loaded: false, stored: true };
  private readonly watchers = new Set<() => void>();
  private readonly runs = new Map<string, Run>();
  private readonly listeners = new Set<(answer: Answer) => void>();
  private readonly droppedListeners = new Set<(gone: readonly Conversation[]) => void>();
  /** The answers whose figures have been asked for again. */
  private readonly completed = new Set<string>();
  private leaving = false;

  constructor(
    readonly userId: string,
    private readonly storage: ConversationStorage = new BrowserStorage(),
    private readonly gateway: Gateway = { complete, readRecord },
    private readonly turns: Turns = browserTurns,
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

  /** Call `listener` with the conversations that were deleted as there is no room for them, until the returned function is called. */
  listenToDropped(listener: (gone: readonly Conversation[]) => void): () => void {
    this.droppedListeners.add(listener);
    return () => {
      this.droppedListeners.delete(listener);
    };
  }

  /** Read what is stored, with the changes of other tabs. Conversations with answers that run here stay as they are; answers that run
   * nowhere any more get their figures from their records. */
  async load(): Promise<void> {
    if (!this.shown.stored) return;
    try {
      // In this order: an answer that does not run now was stored before its lock was released.
      const running = await this.turns.running();
      const found = await this.storage.all(this.userId);
      const left: string[] = [];
      const read = found.map((stored) => {
        const shown = this.find(stored.id);
        const answer = lastAnswer(stored);
        if (shown !== undefined && (this.runs.has(stored.id) || (isRunning(stored) && hasEnded(shown, answer)))) return shown;
        if (!isRunning(stored) || running.has(answer?.id ?? "")) return stored;
        left.push(stored.id);
        return withoutRunning(stored);
      });
      const begun = this.shown.conversations.filter(({ id }) => this.runs.has(id) && !found.some((stored) => stored.id === id));
      this.show({ conversations: sorted([...begun, ...read]), loaded: true });
      for (const id of left) this.save(id);
      for (const conversation of read) void this.completeFigures(conversation);
    } catch {
      this.show({ loaded: true, stored: false });
    }
  }

  find(id: string): Conversation | undefined {
    return this.shown.conversations.find((conversation) => conversation.id === id);
  }

  /** Whether an answer runs in this tab: another tab's can only be stopped there. */
  runsHere(id: string): boolean {
    return this.runs.has(id);
  }

  /** Ask a question in a conversation, or in a new one for null; returns the conversation's id. */
  send(id: string | null, model: Model, text: string, images: readonly string[], settings: Settings = NO_SETTINGS): string {
    const question: Question = { role: "user", id: newId(), text, images };
    const old = id === null ? undefined : this.find(id);
    const conversation = old ?? { id: newId(), userId: this.userId, title: titleOf(text), model: model.id, changedAt: 0, messages: [], settings };
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

  /** Ask a question anew in other words, in the place of everything from it on; returns the conversation as it was, for an undo. */
  edit(id: string, questionId: string, model: Model, text: string): Conversation | null {
    const conversation = this.find(id);
    const place = conversation?.messages.findIndex((message) => message.id === questionId) ?? -1;
    const question = conversation?.messages[place];
    if (conversation === undefined || question?.role !== "user" || isRunning(conversation)) return null;
    const title = place === 0 && conversation.title === titleOf(question.text) ? titleOf(text) : conversation.title;
    this.start({ ...conversation, title }, [...conversation.messages.slice(0, place), { ...question, id: newId(), text }], model);
    return conversation;
  }

  stop(id: string): void {
    this.runs.get(id)?.control.abort();
  }

  rename(id: string, title: string): void {
    const conversation = this.find(id);
    if (conversation !== undefined && title.trim() !== "") this.put({ ...conversation, title: title.trim().slice(0, 200) });
  }

  choose(id: string, model: string): void {
    const conversation = this.find(id);
    if (conversation !== undefined) this.put({ ...conversation, model });
  }

  configure(id: string, settings: Settings): void {
    const conversation = this.find(id);
    if (conversation !== undefined) this.put({ ...conversation, settings });
  }

  /** Remove conversations; returns them for an undo. */
  remove(ids: readonly string[]): Conversation[] {
    for (const id of ids) this.stop(id);
    const gone = this.shown.conversations.filter((conversation) => ids.includes(conversation.id)).map(withoutRunning);
    this.show({ conversations: this.shown.conversations.filter((conversation) => !ids.includes(conversation.id)) });
    void this.checkStored(this.storage.remove(ids));
    return gone;
  }

  /** Put conversations back, or in: they take the place of those with the same ids, where nothing runs any more. */
  restore(conversations: readonly Conversation[]): void {
    const ids = new Set(conversations.map((conversation) => conversation.id));
    for (const id of ids) this.stop(id);
    this.show({ conversations: sorted([...conversations, ...this.shown.conversations.filter((other) => !ids.has(other.id))]) });
    void this.checkStored(this.storage.put(conversations));
  }

  /** Put conversations in beside the others; false where there is no room for them. */
  add(conversations: readonly Conversation[]): boolean {
    if (excess([...conversations, ...this.shown.conversations]).length > 0) return false;
    this.restore(conversations);
    return true;
  }

  /** Store the running answers as far as they have come: the page is being closed, which ends their streams. */
  readonly leave = (): void => {
    this.leaving = true;
    for (const [id, { answer }] of this.runs) {
      this.replace(id, answer);
      this.save(id);
    }
  };

  /** The page was not closed after all, but kept for a way back. */
  readonly stay = (): void => {
    this.leaving = false;
  };

  /** Stop all answers: another user has signed in. */
  close(): void {
    for (const { control } of this.runs.values()) control.abort();
  }

  private start(conversation: Conversation, messages: readonly Message[], model: Model): void {
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
    const run: Run = { control: new AbortController(), answer, release: this.turns.hold(answer.id) };
    this.runs.set(conversation.id, run);
    this.put({ ...conversation, model: model.id, changedAt: Date.now(), messages: [...messages, answer] });
    void this.run(conversation.id, run, requestOf(model, messages, conversation.settings ?? NO_SETTINGS));
  }

  private async run(id: string, run: Run, request: Parameters<Gateway["complete"]>[0]): Promise<void> {
    const reloadable = holdReload();
    let frame = 0;
    let saving = 0;
    const draw = () => {
      frame = 0;
      this.replace(id, run.answer);
    };
    // By a timer, as windows that nobody sees are not drawn.
    const save = () => {
      saving = 0;
      draw();
      this.save(id);
    };
    const change = (changed: Partial<Answer>) => {
      run.answer = { ...run.answer, ...changed };
      // At most one update a frame, however fast the model is.
      if (frame === 0) frame = window.requestAnimationFrame(draw);
      if (saving === 0) saving = window.setTimeout(save, SAVED_EVERY_MS);
    };
    const ending = await this.gateway.complete(request, run.control.signal, {
      onBegin: (requestId) => {
        run.answer = { ...run.answer, requestId };
        save();
      },
      onPiece: (piece) => change({ text: run.answer.text + piece.text, thought: run.answer.thought + piece.thought }),
      onWait: (wait) => change({ wait: nextWait(run.answer.wait ?? null, wait) }),
    });
    window.cancelAnimationFrame(frame);
    window.clearTimeout(saving);
    // A restored conversation may have taken its place, and another run its own.
    if (this.runs.get(id) === run) this.runs.delete(id);
    const answer = ending.state === "cut" && this.leaving ? closed(run.answer) : ended(run.answer, ending);
    this.replace(id, answer);
    this.save(id);
    run.release();
    reloadable();
    for (const listener of this.listeners) listener(answer);
    if (ending.state !== "refused") await this.addFigures(id, answer);
  }

  /** Add the figures that the last answer of a conversation lacks, as its page was closed before they came. */
  private async completeFigures(conversation: Conversation): Promise<void> {
    const answer = lastAnswer(conversation);
    if (answer === null || answer.state === "running" || answer.state === "refused" || this.completed.has(answer.id)) return;
    if (answer.figures?.costUsd != null || Date.now() - answer.askedAt > COMPLETED_FOR_MS) return;
    this.completed.add(answer.id);
    await this.addFigures(conversation.id, answer);
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
    const changed = withAnswer(conversation, answer);
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
    if (over.length === 0) return;
    const gone = this.remove(over.map((other) => other.id));
    for (const listener of this.droppedListeners) listener(gone);
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

function hasEnded(conversation: Conversation, answer: Answer | null): boolean {
  return conversation.messages.some((message) => message.role === "assistant" && message.id === answer?.id && message.state !== "running");
}

function ended(answer: Answer, ending: Ending): Answer {
  const { state, failure, finish, requestId, usage, firstTokenMs, totalMs } = ending;
  const figures = usage === null ? null : { ...usage, costUsd: null, firstTokenMs, queuedMs: 0, totalMs };
  return { ...answer, wait: null, state, failure, finish, requestId, figures };
}

function sorted(conversations: readonly Conversation[]): Conversation[] {
  return [...conversations].sort((a, b) => b.changedAt - a.changedAt);
}

let open: Conversations | null = null;

/** How long a page that said it would be closed, and is still here, may be taken for one that is being closed. */
const LEAVING_MS = 3_000;

// Streams end between the two: what is said of their answers must not be that the connection was lost.
window.addEventListener("beforeunload", () => {
  open?.leave();
  window.setTimeout(() => open?.stay(), LEAVING_MS);
});
window.addEventListener("pagehide", () => open?.leave());
window.addEventListener("pageshow", () => open?.stay());

/** The conversations of this user; the answers of another one are stopped. */
export function conversationsOf(userId: string): Conversations {
  if (open?.userId !== userId) {
    open?.close();
    open = new Conversations(userId);
  }
  return open;
}
