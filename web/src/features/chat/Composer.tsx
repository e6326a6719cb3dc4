import { ActionIcon, Textarea, Tooltip } from "@mantine/core";
import { IconArrowUp, IconPhoto, IconPlayerStopFilled, IconX } from "@tabler/icons-react";
import { type KeyboardEvent, type Ref, useRef } from "react";

import type { Schemas } from "~/api/client";
import type { Draft } from "~/features/chat/useDraft";

import classes from "./Composer.module.css";

interface ComposerProps {
  ref: Ref<HTMLTextAreaElement>;
  draft: Draft;
  model: Schemas["Model"] | undefined;
  /** Whether images of the conversation are not sent, as the model takes none. */
  leavesOut: boolean;
  running: boolean;
  onSend: () => void;
  onStop: () => void;
}

/** The field for a question: Enter sends it, Shift+Enter begins a new line. */
export function Composer({ ref, draft, model, leavesOut, running, onSend, onStop }: ComposerProps) {
  const chooser = useRef<HTMLInputElement>(null);
  const blind = model?.vision === false;
  const tooMany = blind && draft.images.length > 0;
  const empty = draft.text.trim() === "" && draft.images.length === 0;
  const sendable = !running && !empty && !tooMany && model !== undefined;
  const note = tooMany
    ? `${model.id} takes no images: remove them, or choose another model.`
    : leavesOut
      ? `${model?.id ?? "This model"} takes no images: those above are left out.`
      : null;

  const press = (event: KeyboardEvent) => {
    // While an input method is composing (Japanese, say), Enter accepts a word and does not send.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (sendable) onSend();
  };

  return (
    <div className={classes["place"]} data-hovered={draft.hovered}>
      <form
        className={classes["composer"]}
        onSubmit={(event) => {
          event.preventDefault();
          if (sendable) onSend();
        }}
      >
        {draft.images.length > 0 && (
          <ul className={classes["images"]} aria-label="Attached images">
            {draft.images.map((image, place) => (
              <li key={place}>
                <img src={image} alt={`Attached, ${place + 1} of ${draft.images.length}`} />
                <button type="button" aria-label={`Remove image ${place + 1}`} onClick={() => draft.detach(image)}>
                  <IconX size={12} aria-hidden />
                </button>
              </li>
            ))}
          </ul>
        )}
        <Textarea
          ref={ref}
          aria-label="Message"
          placeholder={draft.hovered ? "Drop the image here" : "Ask something"}
          variant="unstyled"
          autosize
          minRows={1}
          maxRows={10}
          autoFocus
          value={draft.text}
          onChange={(event) => draft.setText(event.currentTarget.value)}
          onKeyDown={press}
          onPaste={draft.onPaste}
          classNames={{ input: classes["input"] ?? "" }}
        />
        <div className={classes["bar"]}>
          {!blind && (
            <>
              <input
                ref={chooser}
                type="file"
                accept="image/*"
                multiple
                hidden
                onChange={(event) => {
                  draft.attach([...(event.currentTarget.files ?? [])]);
                  event.currentTarget.value = "";
                }}
              />
              <Tooltip label="Attach images; or paste or drop them">
                <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Attach an image" onClick={() => chooser.current?.click()}>
                  <IconPhoto size={18} stroke={1.6} aria-hidden />
                </ActionIcon>
              </Tooltip>
            </>
          )}
          <span className={classes["hint"]} aria-hidden>
            Enter sends, Shift+Enter begins a new line
          </span>
          {running ? (
            <ActionIcon key="act" type="button" size="lg" variant="filled" color="gray" aria-label="Stop" title="Stop" onClick={onStop}>
              <IconPlayerStopFilled size={15} aria-hidden />
            </ActionIcon>
          ) : (
            <ActionIcon key="act" type="submit" size="lg" variant="filled" aria-label="Send" title="Send" disabled={!sendable}>
              <IconArrowUp size={18} aria-hidden />
            </ActionIcon>
          )}
        </div>
      </form>
      {note !== null && (
        <p className={classes["note"]} role="note">
          {note}
        </p>
      )}
    </div>
  );
}
