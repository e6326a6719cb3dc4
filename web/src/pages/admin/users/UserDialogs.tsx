/** What is asked before an account is changed, corrected or closed. */
import { Button, Checkbox, Group, Modal, PasswordInput, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, type SyntheticEvent, useState } from "react";

import { api, ApiError, body, type Schemas } from "~/api/client";
import { count, exactUsd } from "~/parts/format";
import { useKeys } from "~/parts/keys";
import { readFigure } from "~/parts/limits";
import { useNotices } from "~/parts/notice";
import { useUserChanges } from "~/parts/userChanges";
import type { UserRow } from "~/parts/users";

import classes from "./User.module.css";

interface Props {
  user: UserRow;
  opened: boolean;
  onClose: () => void;
  /** Told when it is gone from the screen: the menu it was opened from is closed, so the focus must be led back. */
  onGone: () => void;
}

type FormProps = Pick<Props, "user" | "onClose">;

interface AskProps {
  does: string;
  danger?: boolean;
  ready?: boolean;
  busy: boolean;
  fault: Error | null;
  /** The fields that show the fault themselves. */
  own?: readonly string[];
  onDo: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** Fields, what went wrong, and the two ways out. */
function Ask({ does, danger = false, ready = true, busy, fault, own = [], onDo, onClose, children }: AskProps) {
  const elsewhere = fault !== null && !(fault instanceof ApiError && fault.param !== null && own.includes(fault.param));
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    onDo();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {children}
        {elsewhere && (
          <Text size="sm" c="var(--bad)" role="alert">
            {fault.message}
          </Text>
        )}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={!ready} {...(danger ? { color: "red.8" } : {})}>
            {does}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function faultAt(fault: Error | null, field: string): string | undefined {
  return fault instanceof ApiError && fault.param === field ? fault.message : undefined;
}

export function EditUser({ user, opened, onClose, onGone }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} returnFocus={false} onExitTransitionEnd={onGone} title={`Change ${user.user_id}`} closeButtonProps={{ "aria-label": "Close" }}>
      {opened && <EditForm user={user} onClose={onClose} />}
    </Modal>
  );
}

function EditForm({ user, onClose }: FormProps) {
  const { settled } = useUserChanges();
  const { tell } = useNotices();
  const [name, setName] = useState(user.name ?? "");
  const [role, setRole] = useState(user.role);
  const [password, setPassword] = useState("");
  const [without, setWithout] = useState(false);
  const wanted: Schemas["UserForm"] = {
    ...(name.trim() === (user.name ?? "") ? {} : { name: name.trim() === "" ? null : name.trim() }),
    ...(role === user.role ? {} : { role }),
    ...(without ? { password: null } : password === "" ? {} : { password }),
  };
  const change = useMutation({
    mutationFn: () => body(api.PATCH("/admin/users/{user_id}", { params: { path: { user_id: user.user_id } }, body: wanted })),
    onSuccess: () => {
      tell({ state: "good", text: `${user.user_id} is changed.${"role" in wanted || "password" in wanted ? " They are signed out everywhere." : ""}` });
      void settled();
      onClose();
    },
  });
  return (
    <Ask
      does="Save"
      ready={Object.keys(wanted).length > 0}
      busy={change.isPending}
      fault={change.error}
      own={["name", "role", "password"]}
      onDo={() => change.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="As people call them; may be left empty"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={faultAt(change.error, "name")}
        maxLength={200}
        autoComplete="off"
        data-autofocus
      />
      <Select
        label="Role"
        description="Admins see and change everything. Another role ends their sessions."
        allowDeselect={false}
        data={[
          { value: "user", label: "User" },
          { value: "admin", label: "Admin" },
        ]}
        value={role}
        onChange={(value) => setRole(value === "admin" ? "admin" : "user")}
        error={faultAt(change.error, "role")}
      />
      <PasswordInput
        label="New password"
        description="At least 6 characters. They are signed out everywhere; empty leaves it as it is."
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        error={faultAt(change.error, "password")}
        minLength={6}
        autoComplete="new-password"
        disabled={without}
      />
      <Checkbox
        size="xs"
        label="Take their password away: keys work on, signing in does not"
        checked={without}
        onChange={(event) => setWithout(event.currentTarget.checked)}
      />
    </Ask>
  );
}

export function Adjust({ user, opened, onClose, onGone }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} returnFocus={false} onExitTransitionEnd={onGone} title={`Correction or refund for ${user.user_id}`} closeButtonProps={{ "aria-label": "Close" }}>
      {opened && <AdjustForm user={user} onClose={onClose} />}
    </Modal>
  );
}

type Direction = "back" | "charge";

function AdjustForm({ user, onClose }: FormProps) {
  const queries = useQueryClient();
  const { settled } = useUserChanges();
  const { tell } = useNotices();
  const [direction, setDirection] = useState<Direction>("back");
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const read = readFigure("cost_usd", text);
  const amount = "value" in read && read.value !== null && read.value !== "0" ? String(read.value) : null;
  const adjust = useMutation({
    mutationFn: (usd: string) => {
      const form = { user_id: user.user_id, cost_usd: direction === "back" ? `-${usd}` : usd, reason: reason.trim() };
      return body(api.POST("/admin/adjustments", { body: form }));
    },
    onSuccess: (_, usd) => {
      tell({ state: "good", text: `${exactUsd(usd)} ${direction === "back" ? "given back to" : "charged to"} ${user.user_id}. It is in the ledger.` });
      void settled();
      void queries.invalidateQueries({ queryKey: ["summary"] });
      void queries.invalidateQueries({ queryKey: ["calls"] });
      onClose();
    },
  });
  return (
    <Ask
      does={amount === null ? "Enter it" : direction === "back" ? `Give back ${exactUsd(amount)}` : `Charge ${exactUsd(amount)}`}
      ready={amount !== null && reason.trim() !== ""}
      busy={adjust.isPending}
      fault={adjust.error}
      own={["cost_usd", "reason"]}
      onDo={() => amount !== null && adjust.mutate(amount)}
      onClose={onClose}
    >
      <Text size="sm" c="dimmed">
        A line of its own in the ledger: no record is changed. It counts towards this month’s spend and cost limits at once, and cannot be
        taken back, only answered by another.
      </Text>
      <SegmentedControl
        size="xs"
        aria-label="Which way"
        value={direction}
        onChange={(value) => setDirection(value === "charge" ? "charge" : "back")}
        data={[
          { value: "back", label: "Give back" },
          { value: "charge", label: "Charge" },
        ]}
      />
      <TextInput
        label="Amount in US dollars"
        leftSection="$"
        inputMode="decimal"
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        error={faultAt(adjust.error, "cost_usd") ?? ("fault" in read ? "An amount in dollars, like 1.50." : undefined)}
        data-autofocus
      />
      <TextInput
        label="Reason"
        description="Kept in the audit log."
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        error={faultAt(adjust.error, "reason")}
        maxLength={500}
        required
        withAsterisk={false}
      />
    </Ask>
  );
}

export function CloseUser({ user, opened, onClose, onGone }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} returnFocus={false} onExitTransitionEnd={onGone} title={`Close the account of ${user.user_id}?`} closeButtonProps={{ "aria-label": "Close" }}>
      {opened && <CloseForm user={user} onClose={onClose} />}
    </Modal>
  );
}

function CloseForm({ user, onClose }: FormProps) {
  const { settled } = useUserChanges();
  const { tell } = useNotices();
  const keys = useKeys(user.user_id);
  const alive = keys.data?.data.filter((key) => key.status === "active").length;
  const close = useMutation({
    mutationFn: () => body(api.DELETE("/admin/users/{user_id}", { params: { path: { user_id: user.user_id } } })),
    onSuccess: () => {
      tell({ state: "good", text: `${user.user_id} is closed. Their records stay.` });
      void settled();
      void keys.refetch();
      onClose();
    },
  });
  const who = user.name === null ? user.user_id : `${user.name} (${user.user_id})`;
  const theirs = alive === undefined ? "Every key" : alive === 1 ? "The one key" : `All ${count(alive)} keys`;
  return (
    <Ask does={`Close ${user.user_id} for good`} danger busy={close.isPending} fault={close.error} onDo={() => close.mutate()} onClose={onClose}>
      <ul className={classes["stops"]}>
        <li>
          {theirs} of {who} {alive === 1 ? "stops" : "stop"} working at once, and what runs with them is cut.
        </li>
        <li>They are signed out and cannot sign in again.</li>
        <li>Their records stay, and so does the id: nobody else can have it.</li>
      </ul>
      <Text size="sm">This cannot be undone. To stop them for a while, suspend them.</Text>
    </Ask>
  );
}
