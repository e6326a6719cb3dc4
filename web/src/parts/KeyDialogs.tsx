/** What is asked before a key is made, rotated or revoked; and a new key, shown this once. */
import { Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { type ReactNode, type SyntheticEvent, useState } from "react";

import { relative } from "~/parts/format";
import { called, type Key, type NewKey, useMakeKey, useRevokeKey, useRotateKey } from "~/parts/keys";
import { useNotices } from "~/parts/notice";
import { Copy } from "~/parts/states";
import { useFocusBack } from "~/parts/useFocusBack";

import classes from "./Keys.module.css";

interface Props {
  userId?: string;
  onClose: () => void;
}

const DAY_S = 86_400;

export function MakeKey({ userId, onClose }: Props) {
  useFocusBack();
  const make = useMakeKey(userId);
  const [name, setName] = useState("");
  const [end, setEnd] = useState<End>("never");
  const [day, setDay] = useState("");
  const submit = () => {
    const at = endOf(end, day, new Date());
    make.mutate({ ...(name.trim() !== "" && { name: name.trim() }), ...(at !== null && { expires_at: at.toISOString() }) });
  };
  if (make.data !== undefined) return <Reveal made={make.data} title="Your new key" onClose={onClose} />;
  return (
    <Ask
      title={userId === undefined ? "New key" : `New key for ${userId}`}
      does="Make the key"
      busy={make.isPending}
      fault={make.error}
      onDo={submit}
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
        data={Object.entries(ENDS).map(([value, { label }]) => ({ value, label }))}
        value={end}
        onChange={(event) => setEnd(event.currentTarget.value as End)}
      />
      {end === "day" && (
        <TextInput
          type="date"
          label="Last day"
          description="Up to its end, in your time zone."
          min={new Date().toLocaleDateString("sv")}
          value={day}
          onChange={(event) => setDay(event.currentTarget.value)}
          required
        />
      )}
    </Ask>
  );
}

const ENDS = {
  never: { label: "until it is revoked", seconds: null },
  week: { label: "for 7 days", seconds: 7 * DAY_S },
  month: { label: "for 30 days", seconds: 30 * DAY_S },
  quarter: { label: "for 90 days", seconds: 90 * DAY_S },
  year: { label: "for a year", seconds: 365 * DAY_S },
  day: { label: "until a day …", seconds: null },
} as const;
type End = keyof typeof ENDS;

/** The moment at which a key ends; null: never. A day counts to its end here, where the browser is. */
export function endOf(end: End, day: string, now: Date): Date | null {
  const { seconds } = ENDS[end];
  if (seconds !== null) return new Date(now.getTime() + seconds * 1000);
  if (end !== "day") return null;
  const at = new Date(`${day}T00:00:00`);
  at.setDate(at.getDate() + 1);
  return at;
}

const GRACES = {
  "0": "at once",
  "3600": "in an hour",
  "86400": "in a day",
  "604800": "in 7 days",
  "2592000": "in 30 days",
};

export function RotateKey({ userId, which, onClose }: Props & { which: Key }) {
  useFocusBack();
  const rotate = useRotateKey(userId);
  const [grace, setGrace] = useState("86400");
  if (rotate.data !== undefined) return <Reveal made={rotate.data} title="The key that takes its place" onClose={onClose} />;
  return (
    <Ask
      title={`Rotate ${called(which)}`}
      does="Rotate"
      busy={rotate.isPending}
      fault={rotate.error}
      onDo={() => rotate.mutate({ id: which.id, graceSeconds: Number(grace) })}
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
          Whatever uses {called(which)} is refused from then on, and its answers that are under way are broken off.
        </Warning>
      )}
    </Ask>
  );
}

export function RevokeKey({ userId, which, last, onClose }: Props & { which: Key; last: boolean }) {
  useFocusBack();
  const revoke = useRevokeKey(userId);
  const { tell } = useNotices();
  const whose = userId === undefined ? "your" : `${userId}’s`;
  const submit = () => {
    revoke.mutate(which.id, {
      onSuccess: () => {
        tell({ state: "good", text: `${called(which)} is revoked.` });
        onClose();
      },
    });
  };
  return (
    <Ask title={`Revoke ${called(which)}`} does="Revoke the key" danger busy={revoke.isPending} fault={revoke.error} onDo={submit} onClose={onClose}>
      <Text size="sm">
        Every program that uses this key is refused from now on, and its answers that are under way are broken off. {lastUse(which)}
      </Text>
      {last && (
        <Warning>
          It is {whose} only key that works: no program of {userId ?? "yours"} gets an answer until there is a new one.
        </Warning>
      )}
      <Text size="sm" c="dimmed">
        This cannot be taken back. To replace the key without a break, rotate it instead.
      </Text>
    </Ask>
  );
}

function lastUse({ last_used_at: at }: Key): string {
  return at === null ? "It has never been used." : `It was last used ${relative(new Date(at), new Date())}.`;
}

interface AskProps {
  title: string;
  does: string;
  danger?: boolean;
  busy: boolean;
  fault: Error | null;
  onDo: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog that asks for something and then does it. */
function Ask({ title, does, danger = false, busy, fault, onDo, onClose, children }: AskProps) {
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    onDo();
  };
  // While it is done nothing closes this: a key that was made in the meantime would be lost unseen.
  const close = () => {
    if (!busy) onClose();
  };
  return (
    <Modal opened onClose={close} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack>
          {children}
          {fault !== null && (
            <Text c="var(--bad)" size="sm" role="alert">
              {fault.message}
            </Text>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={busy} {...(danger && { color: "red.9" })}>
              {does}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** A key just made: the one time that anyone sees it. Nothing but its button closes this. */
export function Reveal({ made, title, onClose }: { made: NewKey; title: string; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={title} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}>
      <Stack>
        <div className={classes["secret"]}>
          <code>{made.api_key}</code>
          <Copy text={made.api_key} what="key" />
        </div>
        <Warning>
          This is the only time it is shown. Copy it now, and keep it as you keep a password: whoever has it can spend on this account.
        </Warning>
        <Group justify="flex-end">
          <Button onClick={onClose}>I have kept it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Warning({ children }: { children: ReactNode }) {
  return (
    <div className={classes["warning"]} role="note">
      <IconAlertTriangle size={16} aria-hidden />
      <span>{children}</span>
    </div>
  );
}
