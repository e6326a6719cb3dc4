/** The dialogs that make, rotate and revoke a key. */
import { Modal, NativeSelect, Text, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { type Key, nameOf, useMakeKey, useRevokeKey, useRotateKey } from "~/features/keys/keys";
import { NewKeyDialog } from "~/features/keys/NewKeyDialog";
import { type Clock, dayAt, dayNamed, nameOfDay, startOf, useClock, zoneNote } from "~/ui/clock";
import { DialogForm } from "~/ui/DialogForm";
import { relative } from "~/ui/format/times";
import { useNotices } from "~/ui/useNotices";
import { useReturnFocus } from "~/ui/useReturnFocus";
import { Warning } from "~/ui/Warning";

interface Props {
  /** The user it belongs to; oneself where there is none. */
  userId?: string;
  onClose: () => void;
}

const DAY_S = 86_400;

export function MakeKey({ userId, onClose }: Props) {
  useReturnFocus();
  const make = useMakeKey(userId);
  const clock = useClock();
  const [name, setName] = useState("");
  const [lifetime, setLifetime] = useState<Lifetime>("never");
  const [day, setDay] = useState("");
  const [acting, setActing] = useState<Acting>("user");
  const submit = () => {
    const at = expiryOf(lifetime, day, new Date(), clock);
    make.mutate({
      ...(name.trim() !== "" && { name: name.trim() }),
      ...(at !== null && { expires_at: at.toISOString() }),
      ...ACTING[acting].form,
    });
  };
  if (make.data !== undefined) return <NewKeyDialog made={make.data} title="Your new key" onClose={onClose} />;
  return (
    <KeyDialog
      title={userId === undefined ? "New key" : `New key for ${userId}`}
      action="Make the key"
      busy={make.isPending}
      error={make.error}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="What it is for, so that you know it again: “laptop”, “nightly report”."
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={200}
        data-autofocus
      />
      <NativeSelect
        label="It works"
        size="sm"
        data={Object.entries(LIFETIMES).map(([value, { label }]) => ({ value, label }))}
        value={lifetime}
        onChange={(event) => setLifetime(event.currentTarget.value as Lifetime)}
      />
      {lifetime === "day" && (
        <TextInput
          type="date"
          label="Last day"
          description={`Up to its end${zoneNote(clock)}.`}
          min={nameOfDay(dayAt(Date.now(), clock))}
          value={day}
          onChange={(event) => setDay(event.currentTarget.value)}
          required
        />
      )}
      {userId !== undefined && (
        <NativeSelect
          label="It acts for"
          description={ACTING[acting].description}
          size="sm"
          data={Object.entries(ACTING).map(([value, { label }]) => ({ value, label: label.replace("…", userId) }))}
          value={acting}
          onChange={(event) => setActing(event.currentTarget.value as Acting)}
        />
      )}
    </KeyDialog>
  );
}

const ACTING = {
  user: { label: "… only", description: "Every request with it is the user’s own.", form: {} },
  headers: {
    label: "people named in a header",
    description: "For chat front ends such as Open WebUI: usage and limits are also those of each person.",
    form: { acts_for: "users", acts_from: "headers" },
  },
  body: {
    label: "people named in the body",
    description: "For apps that send OpenAI’s user or safety_identifier: usage and limits are also those of each person.",
    form: { acts_for: "users", acts_from: "body" },
  },
} as const;
type Acting = keyof typeof ACTING;

const LIFETIMES = {
  never: { label: "until it is revoked", seconds: null },
  week: { label: "for 7 days", seconds: 7 * DAY_S },
  month: { label: "for 30 days", seconds: 30 * DAY_S },
  quarter: { label: "for 90 days", seconds: 90 * DAY_S },
  year: { label: "for a year", seconds: 365 * DAY_S },
  day: { label: "until a day …", seconds: null },
} as const;
type Lifetime = keyof typeof LIFETIMES;

/** When a key expires; null: never. A day is a day of the clock, and counts to its end. */
export function expiryOf(lifetime: Lifetime, day: string, now: Date, clock: Clock): Date | null {
  const { seconds } = LIFETIMES[lifetime];
  if (seconds !== null) return new Date(now.getTime() + seconds * 1000);
  if (lifetime !== "day") return null;
  return new Date(startOf(dayNamed(day) + 1, clock));
}

const GRACES = {
  "0": "at once",
  "3600": "in an hour",
  "86400": "in a day",
  "604800": "in 7 days",
  "2592000": "in 30 days",
};

export function RotateKey({ userId, apiKey, onClose }: Props & { apiKey: Key }) {
  useReturnFocus();
  const rotate = useRotateKey(userId);
  const [grace, setGrace] = useState("86400");
  if (rotate.data !== undefined) return <NewKeyDialog made={rotate.data} title="The key that takes its place" onClose={onClose} />;
  return (
    <KeyDialog
      title={`Rotate ${nameOf(apiKey)}`}
      action="Rotate"
      busy={rotate.isPending}
      error={rotate.error}
      onSubmit={() => rotate.mutate({ id: apiKey.id, graceSeconds: Number(grace) })}
      onClose={onClose}
    >
      <Text size="sm">
        A new key is made, with the same name, end and limits. Give it to whatever uses the old one before that stops.
      </Text>
      <NativeSelect
        label="The old key stops"
        size="sm"
        data={Object.entries(GRACES).map(([value, label]) => ({ value, label }))}
        value={grace}
        onChange={(event) => setGrace(event.currentTarget.value)}
        data-autofocus
      />
      {grace === "0" && (
        <Warning>
          Whatever uses {nameOf(apiKey)} is refused from then on, and its answers that are under way are broken off.
        </Warning>
      )}
    </KeyDialog>
  );
}

export function RevokeKey({ userId, apiKey, last, onClose }: Props & { apiKey: Key; last: boolean }) {
  useReturnFocus();
  const revoke = useRevokeKey(userId);
  const clock = useClock();
  const { notify } = useNotices();
  const possessive = userId === undefined ? "your" : `${userId}’s`;
  const submit = () => {
    revoke.mutate(apiKey.id, {
      onSuccess: () => {
        notify({ state: "good", text: `${nameOf(apiKey)} is revoked.` });
        onClose();
      },
    });
  };
  return (
    <KeyDialog title={`Revoke ${nameOf(apiKey)}`} action="Revoke the key" danger busy={revoke.isPending} error={revoke.error} onSubmit={submit} onClose={onClose}>
      <Text size="sm">
        Every program that uses this key is refused from now on, and its answers that are under way are broken off. {lastUse(apiKey, clock)}
      </Text>
      {last && (
        <Warning>
          It is {possessive} only key that works: no program of {userId ?? "yours"} gets an answer until there is a new one.
        </Warning>
      )}
      <Text size="sm" c="dimmed">
        This cannot be taken back. To replace the key without a break, rotate it instead.
      </Text>
    </KeyDialog>
  );
}

function lastUse({ last_used_at: at }: Key, clock: Clock): string {
  return at === null ? "It has never been used." : `It was last used ${relative(new Date(at), new Date(), clock)}.`;
}

interface DialogProps {
  title: string;
  action: string;
  danger?: boolean;
  busy: boolean;
  error: Error | null;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

function KeyDialog({ title, onClose, ...form }: DialogProps) {
  // It cannot be closed while the request runs: a key that is made then would be lost unseen.
  const close = () => {
    if (!form.busy) onClose();
  };
  return (
    <Modal opened onClose={close} title={title}>
      <DialogForm {...form} onCancel={close} />
    </Modal>
  );
}
