import { Modal, NumberInput, Textarea } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { NO_SETTINGS, type Settings } from "~/features/chat/conversation";
import { count } from "~/ui/format/numbers";
import { DialogForm } from "~/ui/DialogForm";

interface Props {
  settings: Settings;
  onSave: (settings: Settings) => void;
  onClose: () => void;
}

/** A dialog for how the questions of a conversation are asked. */
export function ConversationSettings({ settings, onSave, onClose }: Props) {
  const [draft, setDraft] = useState(settings);
  const fault = faultOf(draft);
  return (
    <Modal opened onClose={onClose} title="Settings of this conversation" closeButtonProps={{ "aria-label": "Close" }}>
      <DialogForm
        action="Save"
        busy={false}
        error={null}
        ready={fault === null}
        onCancel={onClose}
        onSubmit={() => {
          onSave(draft);
          onClose();
        }}
      >
        <Textarea
          label="System prompt"
          description="What the model is told before every question."
          autosize
          minRows={3}
          maxRows={12}
          data-autofocus
          value={draft.system}
          onChange={(event) => setDraft({ ...draft, system: event.currentTarget.value })}
        />
        <Figure
          label="Max tokens"
          description="The longest an answer may be. Without, your limits and the model decide."
          value={draft.maxTokens}
          error={draft.maxTokens !== null && fault === "maxTokens" ? "A whole number from 1 on." : null}
          onChange={(maxTokens) => setDraft({ ...draft, maxTokens })}
        />
        <Figure
          label="Temperature"
          description="0 for the likeliest words, up to 2 for surprising ones. Without, the model’s own."
          step={0.1}
          value={draft.temperature}
          error={draft.temperature !== null && fault === "temperature" ? "From 0 to 2." : null}
          onChange={(temperature) => setDraft({ ...draft, temperature })}
        />
      </DialogForm>
    </Modal>
  );
}

interface FigureProps {
  label: string;
  description: ReactNode;
  value: number | null;
  step?: number;
  error: string | null;
  onChange: (value: number | null) => void;
}

function Figure({ value, onChange, step = 1, ...rest }: FigureProps) {
  return <NumberInput {...rest} step={step} value={value ?? ""} onChange={(typed) => onChange(typed === "" ? null : Number(typed))} placeholder="Not set" clampBehavior="none" hideControls />;
}

/** The field that cannot be sent as it is. */
function faultOf({ maxTokens, temperature }: Settings): "maxTokens" | "temperature" | null {
  if (maxTokens !== null && !(Number.isSafeInteger(maxTokens) && maxTokens >= 1)) return "maxTokens";
  return temperature !== null && !(temperature >= 0 && temperature <= 2) ? "temperature" : null;
}

/** The settings in a few words; null where none is set. */
export function settingsInWords({ system, maxTokens, temperature }: Settings = NO_SETTINGS): string | null {
  const words = [
    ...(system.trim() === "" ? [] : ["a system prompt"]),
    ...(maxTokens === null ? [] : [`at most ${count(maxTokens)} ${maxTokens === 1 ? "token" : "tokens"}`]),
    ...(temperature === null ? [] : [`temperature ${temperature}`]),
  ];
  return words.length === 0 ? null : words.join(", ");
}
