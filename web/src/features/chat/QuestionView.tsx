import { ActionIcon, Button, Textarea } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { type KeyboardEvent, memo, useRef, useState } from "react";

import type { Question } from "~/features/chat/conversation";

import classes from "./Messages.module.css";

interface QuestionProps {
  question: Question;
  /** Asks it anew in other words; null while that cannot be done. */
  onEdit: ((text: string) => void) | null;
}

export const QuestionView = memo(function QuestionView({ question, onEdit }: QuestionProps) {
  const [editing, setEditing] = useState(false);
  const pencil = useRef<HTMLButtonElement>(null);
  const leave = () => {
    setEditing(false);
    // It is there again with the next drawing.
    window.requestAnimationFrame(() => pencil.current?.focus());
  };
  return (
    <article className={classes["asked"]} aria-label="You" data-editing={editing}>
      <div className={classes["question"]}>
        {question.images.length > 0 && (
          <div className={classes["images"]}>
            {question.images.map((image, place) => (
              <img key={place} src={image} alt={`Sent with the question, ${place + 1} of ${question.images.length}`} />
            ))}
          </div>
        )}
        {editing && onEdit !== null ? (
          <Editor
            text={question.text}
            sendable={question.images.length > 0}
            onCancel={leave}
            onSend={(text) => {
              setEditing(false);
              onEdit(text);
            }}
          />
        ) : (
          question.text
        )}
      </div>
      {!editing && (
        <ActionIcon
          ref={pencil}
          className={classes["edit"] ?? ""}
          variant="subtle"
          color="gray"
          aria-label="Edit the question"
          title="Edit the question"
          disabled={onEdit === null}
          onClick={() => setEditing(true)}
        >
          <IconPencil size={15} aria-hidden />
        </ActionIcon>
      )}
    </article>
  );
});

interface EditorProps {
  text: string;
  /** Whether the question may be without text, as it has images. */
  sendable: boolean;
  onSend: (text: string) => void;
  onCancel: () => void;
}

/** Enter sends, as in the box for messages; Esc leaves the question as it is. */
function Editor({ text: before, sendable, onSend, onCancel }: EditorProps) {
  const [text, setText] = useState(before);
  const ready = sendable || text.trim() !== "";
  const send = () => {
    if (ready) onSend(text.trim());
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape") onCancel();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <>
      <Textarea aria-label="Question" autoFocus autosize minRows={1} maxRows={12} value={text} onChange={(event) => setText(event.currentTarget.value)} onKeyDown={press} />
      <div className={classes["editing"]}>
        <span>What follows is replaced.</span>
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button onClick={send} disabled={!ready}>
          Ask anew
        </Button>
      </div>
    </>
  );
}
