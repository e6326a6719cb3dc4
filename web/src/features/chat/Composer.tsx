import { ActionIcon, Textarea, Tooltip } from "@mantine/core";
import { IconAdjustments, IconArrowUp, IconPhoto, IconPlayerStopFilled, IconX } from "@tabler/icons-react";
import { type KeyboardEvent, type ReactNode, type Ref, useRef, useState } from "react";

import type { Schemas } from "~/api/client";
import type { Draft } from "~/features/chat/useDraft";

import classes from "./Composer.module.css";

interface ComposerProps {
  ref: Ref<HTMLTextAreaElement>;
  draft: Draft;
  model: Schemas["Model"] | undefined;
  /** Whether images of the conversation are not sent, as the model takes none. */
  leavesOut: boolean;
  /** Whether an answer runs: here, where it can be stopped, or in another tab. */
  running: "here" | "elsewhere" | null;
  /** Why nothing can be sent, whatever is written. */
  blocked: Blocked | null;
  /** The settings of the conversation in a few words; null where none is set. */
  settings: string | null;
  onSettings: () => void;
  onSend: () => void;
  onStop: () => void;
}

export interface Blocked {
  text: string;
  action: ReactNode;
}

/** The field for a question: Enter sends it, Shift+Enter begins a new line. */
export function Composer({ ref, draft, model, leavesOut, running, blocked, settings, onSettings, onSend, onStop }: ComposerProps) {
  const chooser = useRef<HTMLInputElement>(null);
  // How often it was tried to send what cannot be sent: each time, the reason is read out.
  const [refused, setRefused] = useState(0);
  const blind = model?.vision === false;
  const tooMany = blind && draft.images.length > 0;
  const empty = draft.text.trim() === "" && draft.images.length === 0;
  const sendable = running === null && blocked === null && !empty && !tooMany && model !== undefined;
  const note = tooMany
    ? `${model.id} takes no images: remove them, or choose another model.`
    : running === "elsewhere"
      ? "Another tab of this browser has an answer running in this conversation."
      : leavesOut
        ? `${model?.id ?? "This model"} takes no images: those above are left out.`
        : null;
  const send = () => {
    if (sendable) onSend();
    else if (blocked !== null) setRefused((count) => count + 1);
  };

  const press = (event: KeyboardEvent) => {
    // While an input method is composing (Japanese, say), Enter accepts a word and does not send.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <div className={classes["place"]} data-hovered={draft.hovered}>
      {blocked !== null && (
        <div className={classes["blocked"]} data-refused={refused > 0}>
          <p key={refused} role={refused > 0 ? "alert" : "status"}>
            {refused > 0 && <strong>Not sent. </strong>}
            {blocked.text}
            {refused > 0 && !empty && " What you wrote is kept."}
          </p>
          {blocked.action}
        </div>
      )}
      <form
        className={classes["composer"]}
        onSubmit={(event) => {
          event.preventDefault();
          send();
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
          <Tooltip label={settings ?? "System prompt, max tokens, temperature"}>
            <ActionIcon
              variant={settings === null ? "subtle" : "light"}
              color={settings === null ? "gray" : "accent"}
              size="lg"
              aria-label={settings === null ? "Settings of this conversation" : `Settings of this conversation: ${settings}`}
              onClick={onSettings}
            >
              <IconAdjustments size={18} stroke={1.6} aria-hidden />
            </ActionIcon>
          </Tooltip>
          <span className={classes["hint"]} aria-hidden>
            Enter sends, Shift+Enter begins a new line
          </span>
          {running === "here" ? (
            <ActionIcon key="act" type="button" size="lg" variant="filled" color="gray" aria-label="Stop" title="Stop" onClick={onStop}>
              <IconPlayerStopFilled size={15} aria-hidden />
            </ActionIcon>
          ) : (
            <ActionIcon key="act" type="submit" size="lg" variant="filled" aria-label="Send" title="Send" disabled={!sendable && blocked === null}>
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
