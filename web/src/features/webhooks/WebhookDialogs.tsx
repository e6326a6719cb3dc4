/** The dialogs that make, rotate and remove a webhook. */
import { Button, Checkbox, Group, Modal, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { type EventType } from "~/features/alerts/alerts";
import { EVENT_TYPES, EVENT_WORDS } from "~/features/alerts/words";
import { type NewSecret, useMakeWebhook, useRemoveWebhook, useRotateSecret, type Webhook } from "~/features/webhooks/webhooks";
import { CopyButton } from "~/ui/CopyButton";
import { DialogForm } from "~/ui/DialogForm";
import { useNotices } from "~/ui/useNotices";
import { useReturnFocus } from "~/ui/useReturnFocus";
import { Warning } from "~/ui/Warning";

import classes from "./Webhooks.module.css";

interface Props {
  onClose: () => void;
}

export function MakeWebhook({ onClose }: Props) {
  useReturnFocus();
  const make = useMakeWebhook();
  const [url, setUrl] = useState("");
  const [description, setDescription] = useState("");
  const [events, setEvents] = useState<string[]>([]);
  if (make.data !== undefined) return <SecretDialog made={make.data} title="Your new webhook" onClose={onClose} />;
  const submit = () =>
    make.mutate({
      url: url.trim(),
      events: events.length === 0 ? null : (events as EventType[]),
      description: description.trim() === "" ? null : description.trim(),
      status: "active",
    });
  return (
    <Dialog title="New webhook" action="Make the webhook" busy={make.isPending} error={make.error} onSubmit={submit} onClose={onClose}>
      <TextInput
        label="Address"
        description="Where events are sent to, such as https://hooks.example.com/tollkeeper."
        type="url"
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
        maxLength={2048}
        required
        data-autofocus
      />
      <TextInput
        label="What it is for"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
        maxLength={200}
      />
      <Checkbox.Group label="Events" description="None chosen: all, those of later versions included." value={events} onChange={setEvents}>
        <div className={classes["events"]}>
          {EVENT_TYPES.map((type) => (
            <Checkbox key={type} value={type} label={EVENT_WORDS[type]} size="xs" />
          ))}
        </div>
      </Checkbox.Group>
    </Dialog>
  );
}

const GRACES = { "0": "at once", "3600": "in an hour", "86400": "in a day", "604800": "in 7 days" };

export function RotateSecret({ webhook, onClose }: Props & { webhook: Webhook }) {
  useReturnFocus();
  const rotate = useRotateSecret();
  const [grace, setGrace] = useState("86400");
  if (rotate.data !== undefined) return <SecretDialog made={rotate.data} title="The new secret" onClose={onClose} />;
  return (
    <Dialog
      title="Rotate the secret"
      action="Rotate"
      busy={rotate.isPending}
      error={rotate.error}
      onSubmit={() => rotate.mutate({ id: webhook.id, graceSeconds: Number(grace) })}
      onClose={onClose}
    >
      <Text size="sm">Until the old secret ends, every message is signed by both, so that the receiver can change over.</Text>
      <NativeSelect
        label="The old secret ends"
        size="sm"
        data={Object.entries(GRACES).map(([value, label]) => ({ value, label }))}
        value={grace}
        onChange={(event) => setGrace(event.currentTarget.value)}
        data-autofocus
      />
    </Dialog>
  );
}

export function RemoveWebhook({ webhook, onClose, onRemoved }: Props & { webhook: Webhook; onRemoved: () => void }) {
  useReturnFocus();
  const { notify } = useNotices();
  const remove = useRemoveWebhook(() => {
    notify({ state: "good", text: "The webhook is removed." });
    onRemoved();
  });
  const submit = () => remove.mutate(webhook.id);
  return (
    <Dialog title="Remove the webhook" action="Remove" danger busy={remove.isPending} error={remove.error} onSubmit={submit} onClose={onClose}>
      <Text size="sm">
        {webhook.url} gets no more events. What is on its way to it is dropped, and so is the list of what was sent.
      </Text>
    </Dialog>
  );
}

/** A new secret, the only time it is shown: nothing but its button closes the dialog. */
function SecretDialog({ made, title, onClose }: Props & { made: NewSecret; title: string }) {
  return (
    <Modal opened onClose={onClose} title={title} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}>
      <Stack>
        <div className={classes["secret"]}>
          <code>{made.secret}</code>
          <CopyButton text={made.secret} what="secret" />
        </div>
        <Warning>This is the only time it is shown. Give it to the receiver, which verifies by it that messages come from here.</Warning>
        <Group justify="flex-end">
          <Button onClick={onClose}>I have kept it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

interface DialogProps extends Props {
  title: string;
  action: string;
  danger?: boolean;
  busy: boolean;
  error: Error | null;
  onSubmit: () => void;
  children: ReactNode;
}

function Dialog({ title, onClose, ...form }: DialogProps) {
  // It cannot be closed while the request runs: a secret that is made then would be lost unseen.
  const close = () => {
    if (!form.busy) onClose();
  };
  return (
    <Modal opened onClose={close} title={title}>
      <DialogForm {...form} onCancel={close} />
    </Modal>
  );
}
