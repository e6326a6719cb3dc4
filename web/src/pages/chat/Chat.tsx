/** Chat: a conversation with a model, answered through the same limits and the same ledger as every other call. */
import { ActionIcon, Drawer, Title } from "@mantine/core";
import { IconMenu2, IconPlus } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link, useSearchParams } from "react-router";

import { type Session, SESSION, useSession } from "~/app/session";
import { AnswerView } from "~/pages/chat/AnswerView";
import { chatsOf } from "~/pages/chat/chats";
import { Composer } from "~/pages/chat/Composer";
import { Log } from "~/pages/chat/Log";
import { ModelPicker } from "~/pages/chat/ModelPicker";
import { QuestionView } from "~/pages/chat/QuestionView";
import { goneAs, toldOfFailure } from "~/pages/chat/refusal";
import { type Answer, hasImages, isRunning, type Talk } from "~/pages/chat/talk";
import { TalkList } from "~/pages/chat/TalkList";
import { useChosenModel } from "~/pages/chat/useChosenModel";
import { useDraft } from "~/pages/chat/useDraft";
import { Welcome } from "~/pages/chat/Welcome";
import { useNotices } from "~/parts/notice";
import { Fault } from "~/parts/states";

import classes from "./Chat.module.css";

export function Component() {
  const { session } = useSession();
  useEffect(() => {
    document.title = "Chat · Tollkeeper";
    // It is needed with the first answer, and should not be waited for then.
    void import("~/pages/chat/Markdown");
  }, []);
  return session ? <Chat key={session.user.user_id} userId={session.user.user_id} /> : null;
}

function Chat({ userId }: { userId: string }) {
  const chats = chatsOf(userId);
  const { talks, loaded, kept } = useSyncExternalStore(chats.watch, chats.read);
  const [params, setParams] = useSearchParams();
  const talk = talks.find((one) => one.id === params.get("c"));
  const picked = useChosenModel(userId, talk);
  const draft = useDraft(picked.model);
  const [listed, setListed] = useState(false);
  const said = useEndings(userId);
  const box = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    const read = () => void chats.load();
    read();
    // Another tab may have gone on with a conversation.
    window.addEventListener("focus", read);
    return () => window.removeEventListener("focus", read);
  }, [chats]);

  const asked = picked.model === undefined ? null : { id: picked.model.id, seesImages: picked.model.vision !== false };
  const send = () => {
    if (asked === null) return;
    const id = chats.send(talk?.id ?? null, asked, draft.text.trim(), draft.images);
    draft.clear();
    if (talk === undefined) setParams({ c: id });
  };
  const list = <TalkList chats={chats} talks={talks} loaded={loaded} kept={kept} opened={talk?.id} onOpen={() => setListed(false)} />;
  const fresh = () => {
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
          <ActionIcon component={Link} to="/chat" variant="default" size="lg" aria-label="New conversation" title="New conversation" onClick={fresh}>
            <IconPlus size={16} aria-hidden />
          </ActionIcon>
        </div>
        <p className={classes["topic"]}>{talk?.title ?? "New conversation"}</p>
        <ModelPicker picked={picked} onPick={(model) => talk !== undefined && chats.choose(talk.id, model)} />
      </header>
      <nav className={classes["list"]} aria-label="Conversations">
        {list}
      </nav>
      <Drawer
        opened={listed}
        onClose={() => setListed(false)}
        title="Conversations"
        size="min(320px, 88vw)"
        closeButtonProps={{ "aria-label": "Close" }}
        transitionProps={{ duration: 120 }}
      >
        {list}
      </Drawer>
      <section className={classes["flow"]} aria-label="Conversation" {...draft.dropping}>
        {picked.fault !== null ? (
          <div className={classes["middle"]}>
            <Fault fault={picked.fault} again={picked.again} />
          </div>
        ) : talk === undefined ? (
          <Welcome
            model={picked.model}
            onPick={(text) => {
              draft.setText(text);
              box.current?.focus();
            }}
          />
        ) : (
          <Flow talk={talk} onAgain={() => asked !== null && chats.again(talk.id, asked)} />
        )}
        <Composer
          ref={box}
          draft={draft}
          model={picked.model}
          leavesOut={talk !== undefined && hasImages(talk.messages) && asked?.seesImages === false}
          running={talk !== undefined && isRunning(talk)}
          onSend={send}
          onStop={() => talk !== undefined && chats.stop(talk.id)}
        />
      </section>
      <div className="visually-hidden" role="status">
        {said}
      </div>
    </div>
  );
}

function Flow({ talk, onAgain }: { talk: Talk; onAgain: () => void }) {
  const questions = talk.messages.filter((message) => message.role === "user").length;
  return (
    <Log key={talk.id} label={talk.title} busy={isRunning(talk)} asked={questions}>
      {talk.messages.map((message, place) =>
        message.role === "user" ? (
          <QuestionView key={message.id} question={message} />
        ) : (
          <AnswerView key={message.id} answer={message} onAgain={place === talk.messages.length - 1 ? onAgain : undefined} />
        ),
      )}
    </Log>
  );
}

const READ_CHARACTERS = 600;
const OVER = new Set(["forbidden", "not_signed_in"]);

/** What a screen reader is told when an answer has ended; what else depends on it is read anew. */
function useEndings(userId: string): string {
  const queries = useQueryClient();
  const { tell } = useNotices();
  const [said, setSaid] = useState("");
  useEffect(
    () =>
      chatsOf(userId).listen((answer) => {
        setSaid(inWords(answer));
        void queries.invalidateQueries({ queryKey: ["me"] });
        // The session may be over, or its token a new one. What came of an answer that broke off stays to be read.
        if (answer.state === "refused" && OVER.has(answer.failure?.code ?? "")) {
          void queries.invalidateQueries({ queryKey: SESSION }).then(() => {
            const text = goneAs(userId, queries.getQueryData<Session | null>(SESSION));
            if (text !== null) tell({ state: "bad", text });
          });
        }
      }),
    [userId, queries, tell],
  );
  return said;
}

function inWords(answer: Answer): string {
  const failure = answer.failure === null || !(answer.state === "refused" || answer.state === "cut") ? "" : toldOfFailure(answer.failure, answer.state, Date.now());
  if (answer.state === "refused") return `No answer. ${failure}`;
  const text = answer.text.length > READ_CHARACTERS ? `${answer.text.slice(0, READ_CHARACTERS)}… The rest is in the conversation.` : answer.text;
  if (answer.state === "cut") return `${failure} ${text}`;
  return `${answer.state === "stopped" ? "Stopped" : "Answered"}. ${text}`;
}
