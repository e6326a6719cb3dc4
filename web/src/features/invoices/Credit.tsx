import { Button, Modal, SegmentedControl, Text, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { api, ApiError, body, type Schemas } from "~/api/client";
import { useCredit, useOwnCredit, useRefresh } from "~/features/invoices/invoices";
import { type Column, DataTable } from "~/ui/DataTable";
import { DialogForm } from "~/ui/DialogForm";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { exactUsd, isZero } from "~/ui/format/money";
import { Panel } from "~/ui/Panel";
import { Timestamp } from "~/ui/Times";
import { useNotices } from "~/ui/useNotices";
import { useReturnFocus } from "~/ui/useReturnFocus";

type Entry = Schemas["CreditBody"];

/** A payer's credit, from which invoices are settled first; an admin adds to it. */
export function CreditPanel({ kind, id }: { kind: "user" | "team"; id: string }) {
  const { data, error, refetch } = useCredit(kind, id);
  const [adding, setAdding] = useState(false);
  return (
    <Panel
      title={data === undefined || isZero(data.balance_usd) ? "Credit" : `Credit: ${exactUsd(data.balance_usd)}`}
      flush
      actions={
        <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAdding(true)}>
          Add credit
        </Button>
      }
    >
      {error === null ? <Entries rows={data?.data} /> : <ErrorMessage error={error} onRetry={() => void refetch()} />}
      {adding && <AddCredit kind={kind} id={id} onClose={() => setAdding(false)} />}
    </Panel>
  );
}

/** One's own credit; nothing where there never was any. */
export function OwnCredit() {
  const { data } = useOwnCredit();
  if (data === undefined || data.data.length === 0) return null;
  return (
    <Panel title={`Credit: ${exactUsd(data.balance_usd)}`} flush>
      <Entries rows={data.data} />
    </Panel>
  );
}

function Entries({ rows }: { rows: Entry[] | undefined }) {
  return (
    <DataTable
      label="Credit"
      columns={COLUMNS}
      rows={rows}
      rowKey={({ id }) => String(id)}
      empty={
        <Empty title="No credit">
          <Text size="sm" c="dimmed">
            What was paid in advance, or granted, stands here. Invoices use it up before anything is owed.
          </Text>
        </Empty>
      }
    />
  );
}

const KINDS: Readonly<Record<string, string>> = {
  granted: "Added",
  applied: "Used by an invoice",
  returned: "Returned by a void invoice",
  carried: "Carried from an invoice",
};

const COLUMNS: Column<Entry>[] = [
  { id: "at", label: "Time", cell: ({ at }) => <Timestamp at={at} /> },
  { id: "amount", label: "Amount", numeric: true, narrow: "beside", cell: ({ amount_usd: amount }) => <span className="num">{exactUsd(amount)}</span> },
  { id: "kind", label: "What", narrow: "below", cell: ({ kind, amount_usd: amount }) => (kind === "granted" && amount.startsWith("-") ? "Taken back" : (KINDS[kind] ?? kind)) },
  { id: "reason", label: "Reason", grow: 1, wraps: true, narrow: "below", cell: ({ reason }) => reason },
  { id: "balance", label: "Balance", numeric: true, from: 700, cell: ({ balance_usd: balance }) => <span className="num">{exactUsd(balance)}</span> },
];

const AMOUNT = /^[0-9]{1,6}(\.[0-9]{1,12})?$/;

function AddCredit({ kind, id, onClose }: { kind: "user" | "team"; id: string; onClose: () => void }) {
  useReturnFocus();
  const { notify } = useNotices();
  const refresh = useRefresh();
  const [direction, setDirection] = useState<"add" | "take">("add");
  const [amount, setAmount] = useState("");
  const [reason, setReason] = useState("");
  const valid = AMOUNT.test(amount.trim()) && !isZero(amount.trim());
  const add = useMutation({
    mutationFn: (usd: string) => {
      const form = { amount_usd: direction === "add" ? usd : `-${usd}`, reason: reason.trim() };
      return body(api.POST("/admin/credits", { body: kind === "user" ? { ...form, user_id: id } : { ...form, team_id: id } }));
    },
    onSuccess: ({ balance_usd: balance }) => {
      notify({ state: "good", text: `The credit of ${id} is now ${exactUsd(balance)}.` });
      void refresh();
      onClose();
    },
  });
  const at = (name: string) => (add.error instanceof ApiError && add.error.param === name ? add.error.message : undefined);
  return (
    <Modal opened onClose={onClose} title={`Credit of ${id}`}>
      <DialogForm
        action={!valid ? "Enter it" : `${direction === "add" ? "Add" : "Take back"} ${exactUsd(amount.trim())}`}
        ready={valid && reason.trim() !== ""}
        busy={add.isPending}
        error={at("amount_usd") === undefined && at("reason") === undefined ? add.error : null}
        onSubmit={() => add.mutate(amount.trim())}
        onCancel={onClose}
      >
        <Text size="sm" c="dimmed">
          Credit pays invoices before money does. It changes no limit, and no record.
        </Text>
        <SegmentedControl
          size="xs"
          aria-label="Which way"
          value={direction}
          onChange={(value) => setDirection(value === "take" ? "take" : "add")}
          data={[
            { value: "add", label: "Add" },
            { value: "take", label: "Take back" },
          ]}
        />
        <TextInput
          label="Amount in US dollars"
          leftSection="$"
          inputMode="decimal"
          autoComplete="off"
          value={amount}
          onChange={(event) => setAmount(event.currentTarget.value)}
          error={at("amount_usd") ?? (amount !== "" && !valid ? "An amount in dollars, like 25 or 1.50." : undefined)}
          data-autofocus
        />
        <TextInput
          label="Reason"
          description="Kept in the account and in the audit log."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={at("reason")}
          maxLength={500}
        />
      </DialogForm>
    </Modal>
  );
}
