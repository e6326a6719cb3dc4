/** Conversations with models, under the same limits and in the same ledger as all other calls. */
import { ActionIcon, Button, Drawer, Title } from "@mantine/core";
import { IconMenu2, IconPlus } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link, useSearchParams } from "react-router";

import { AnswerView, loadMarkdown } from "~/features/chat/AnswerView";
import { type Blocked, Composer } from "~/features/chat/Composer";
import { type Answer, type Conversation, hasImages, isRunning, NO_SETTINGS } from "~/features/chat/conversation";
import { ConversationList } from "~/features/chat/ConversationList";
import { ConversationSettings, settingsInWords } from "~/features/chat/ConversationSettings";
import { type Conversations, conversationsOf, type Model } from "~/features/chat/conversations";
import { describeFailure, notSent } from "~/features/chat/failures";
import { Log } from "~/features/chat/Log";
import { ModelPicker } from "~/features/chat/ModelPicker";
import { QuestionView } from "~/features/chat/QuestionView";
import { MAX_CONVERSATIONS } from "~/features/chat/storage";
import { type ChosenModel, useChosenModel } from "~/features/chat/useChosenModel";
import { useDraft } from "~/features/chat/useDraft";
import { Welcome } from "~/features/chat/Welcome";
import { type Session, SESSION } from "~/features/session/session";
import { ME } from "~/features/session/useMe";
import { type Clock, useClock } from "~/ui/clock";
import { useNotices } from "~/ui/useNotices";

import classes from "./Chat.module.css";

/** How often the answer that runs in another tab is read, which stores it every second. */
const READ_EVERY_MS = 2_000;

export function Chat({ userId }: { userId: string }) {
  const store = conversationsOf(userId);
  const { conversations, loaded, stored } = useSyncExternalStore(store.watch, store.read);
  const [params, setParams] = useSearchParams();
  const conversation = conversations.find((one) => one.id === params.get("c"));
  const chosen = useChosenModel(userId, conversation);
  const draft = useDraft(userId, chosen.model);
  const [listed, setListed] = useState(false);
  const [setting, setSetting] = useState(false);
  // The settings of a conversation that has not begun.
  const [fresh, setFresh] = useState(NO_SETTINGS);
  const announcement = useEndings(userId);
  const box = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    // It is needed with the first answer, which should not wait for it.
    void loadMarkdown();
  }, []);
  useEffect(() => {
    const read = () => void store.load();
    read();
    // Another tab may have continued a conversation.
    window.addEventListener("focus", read);
    return () => window.removeEventListener("focus", read);
  }, [store]);
  useDropped(store);
  const elsewhere = conversations.some((one) => isRunning(one) && !store.runsHere(one.id));
  useEffect(() => {
    if (!elsewhere) return;
    const timer = window.setInterval(() => void store.load(), READ_EVERY_MS);
    return () => window.clearInterval(timer);
  }, [store, elsewhere]);

  const model = chosen.model === undefined ? null : { id: chosen.model.id, seesImages: chosen.model.vision !== false };
  const settings = conversation === undefined ? fresh : (conversation.settings ?? NO_SETTINGS);
  const send = () => {
    if (model === null) return;
    const id = store.send(conversation?.id ?? null, model, draft.text.trim(), draft.images, settings);
    draft.clear();
    setFresh(NO_SETTINGS);
    if (conversation === undefined) setParams({ c: id });
  };
  const list = <ConversationList store={store} conversations={conversations} loaded={loaded} stored={stored} opened={conversation?.id} onOpen={() => setListed(false)} />;
  const begin = () => {
    setListed(false);
    box.current?.focus();
  };

  return (
    <div className={classes["chat"]}>
      <header className={classes["head"]}>
        <div className={classes["name"]}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            className={classes["toggle"] ?? ""}
            aria-label="Conversations"
            aria-expanded={listed}
            onClick={() => setListed(true)}
          >
            <IconMenu2 size={18} aria-hidden />
          </ActionIcon>
          <Title order={1} className={classes["title"] ?? ""}>
            Chat
          </Title>
          <ActionIcon component={Link} to="/chat" variant="default" size="lg" aria-label="New conversation" title="New conversation" onClick={begin}>
            <IconPlus size={16} aria-hidden />
          </ActionIcon>
        </div>
        <p className={classes["topic"]}>{conversation?.title ?? "New conversation"}</p>
        <ModelPicker chosen={chosen} onChoose={(id) => conversation !== undefined && store.choose(conversation.id, id)} />
      </header>
      <nav className={classes["list"]} aria-label="Conversations">
        {list}
      </nav>
      <Drawer
        opened={listed}
        onClose={() => setListed(false)}
        title="Conversations"
        size="min(320px, 88vw)"
        transitionProps={{ duration: 120 }}
      >
        {list}
      </Drawer>
      <section className={classes["flow"]} aria-label="Conversation" {...draft.dropping}>
        {conversation === undefined ? (
          <Welcome
            model={chosen.model}
            replaced={conversations[MAX_CONVERSATIONS - 1]}
            waiting={chosen.models === undefined && chosen.error === null}
            onPick={(text) => {
              draft.setText(text);
              box.current?.focus();
            }}
          />
        ) : (
          <Messages store={store} conversation={conversation} model={model} />
        )}
        <Composer
          ref={box}
          draft={draft}
          model={chosen.model}
          leavesOut={conversation !== undefined && hasImages(conversation.messages) && model?.seesImages === false}
          running={conversation === undefined || !isRunning(conversation) ? null : store.runsHere(conversation.id) ? "here" : "elsewhere"}
          blocked={blockedBy(chosen)}
          settings={settingsInWords(settings)}
          onSettings={() => setSetting(true)}
          onSend={send}
          onStop={() => conversation !== undefined && store.stop(conversation.id)}
        />
      </section>
      {setting && (
        <ConversationSettings
          settings={settings}
          onClose={() => setSetting(false)}
          onSave={(saved) => {
            if (conversation === undefined) setFresh(saved);
            else store.configure(conversation.id, saved);
          }}
        />
      )}
      <div className="visually-hidden" role="status">
        {announcement}
      </div>
    </div>
  );
}

/** Why no question can be sent to any model, as far as the list of models tells. */
function blockedBy({ models, model, error, loading, retry }: ChosenModel): Blocked | null {
  if (model !== undefined || (models === undefined && error === null)) return null;
  const text =
    error === null
      ? "No model can be used right now: none that you may use is at an upstream that answers. This is looked at again by itself; if it stays so, tell the operator."
      : error.message;
  return {
    text,
    action: (
      <Button variant="default" onClick={retry} aria-disabled={loading}>
        Look again
      </Button>
    ),
  };
}

function Messages({ store, conversation, model }: { store: Conversations; conversation: Conversation; model: Model | null }) {
  const { notify } = useNotices();
  const questions = conversation.messages.filter((message) => message.role === "user").length;
  const ready = model !== null && !isRunning(conversation);
  const edit = (questionId: string, text: string) => {
    const before = model === null ? null : store.edit(conversation.id, questionId, model, text);
    if (before !== null) notify({ state: "good", text: "The question was asked anew, and what followed it replaced.", undo: () => store.restore([before]) });
  };
  return (
    <Log key={conversation.id} label={conversation.title} busy={isRunning(conversation)} asked={questions}>
      {conversation.messages.map((message, place) =>
        message.role === "user" ? (
          <QuestionView key={message.id} question={message} onEdit={ready ? (text) => edit(message.id, text) : null} />
        ) : (
          <AnswerView
            key={message.id}
            answer={message}
            onAgain={place === conversation.messages.length - 1 ? () => model !== null && store.again(conversation.id, model) : undefined}
          />
        ),
      )}
    </Log>
  );
}

/** Says which conversations made room for others. */
function useDropped(store: Conversations): void {
  const { notify } = useNotices();
  useEffect(
    () =>
      store.listenToDropped((gone) => {
        const what = gone.length === 1 && gone[0] !== undefined ? `«${gone[0].title}» was deleted` : `${gone.length} conversations were deleted`;
        notify({
          state: "bad",
          text: `${what} to make room: this browser keeps at most ${MAX_CONVERSATIONS}, and only so many images. Export what you want to keep.`,
        });
      }),
    [store, notify],
  );
}

/** Characters of an answer that screen readers read out. */
const MAX_READ_OUT = 600;
/** Codes of errors after which the session may have ended. */
const SESSION_CODES = new Set(["forbidden", "not_signed_in"]);

/** What screen readers announce when an answer has ended; whatever depends on it is read again. */
function useEndings(userId: string): string {
  const queries = useQueryClient();
  const { notify } = useNotices();
  const clock = useClock();
  const [announcement, setAnnouncement] = useState("");
  useEffect(
    () =>
      conversationsOf(userId).listen((answer) => {
        setAnnouncement(inWords(answer, clock));
        void queries.invalidateQueries({ queryKey: ME });
        // The session may have ended, or have a new token. The text of an answer that broke off stays on the page.
        if (answer.state === "refused" && SESSION_CODES.has(answer.failure?.code ?? "")) {
          void queries.invalidateQueries({ queryKey: SESSION }).then(() => {
            const text = notSent(userId, queries.getQueryData<Session | null>(SESSION));
            if (text !== null) notify({ state: "bad", text });
          });
        }
      }),
    [userId, queries, notify, clock],
  );
  return announcement;
}

function inWords(answer: Answer, clock: Clock): string {
  const failure = answer.failure === null || !(answer.state === "refused" || answer.state === "cut") ? "" : describeFailure(answer.failure, answer.state, Date.now(), clock);
  if (answer.state === "refused") return `No answer. ${failure}`;
  const text = answer.text.length > MAX_READ_OUT ? `${answer.text.slice(0, MAX_READ_OUT)}… The rest is in the conversation.` : answer.text;
  if (answer.state === "cut") return `${failure} ${text}`;
  return `${answer.state === "stopped" ? "Stopped" : "Answered"}. ${text}`;
}
