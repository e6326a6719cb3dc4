import { Button, Menu, Modal, Text, TextInput } from "@mantine/core";
import { IconCheck, IconDots, IconDownload, IconPrinter } from "@tabler/icons-react";
import { useState } from "react";
import { useNavigate } from "react-router";

import { ApiError } from "~/api/client";
import { type Change, fileHref, hasEnded, type Invoice, payerWords, requestsHref, titleOf, useChangeInvoice } from "~/features/invoices/invoices";
import { DialogForm } from "~/ui/DialogForm";
import { exactUsd } from "~/ui/format/money";
import { monthWords } from "~/ui/format/times";
import { useNotices } from "~/ui/useNotices";
import { useReturnFocus } from "~/ui/useReturnFocus";

type Action = Change["action"];

/** What can be done with an invoice: printed and saved by everyone, changed by admins. */
export function InvoiceActions({ invoice, own }: { invoice: Invoice; own: boolean }) {
  const [doing, setDoing] = useState<Action | null>(null);
  const { id, status, corrects } = invoice;
  return (
    <>
      <Button variant="default" leftSection={<IconPrinter size={14} aria-hidden />} onClick={() => window.print()}>
        Print
      </Button>
      <Button component="a" variant="default" href={fileHref(id, own, "csv")} download leftSection={<IconDownload size={14} aria-hidden />}>
        CSV
      </Button>
      {!own && status === "draft" && hasEnded(invoice.month) && <Button onClick={() => setDoing("finalize")}>Finalize</Button>}
      {!own && status === "finalized" && corrects === null && (
        <Button leftSection={<IconCheck size={14} aria-hidden />} onClick={() => setDoing("pay")}>
          Mark paid
        </Button>
      )}
      <Menu position="bottom-end" transitionProps={{ duration: 100 }}>
        <Menu.Target>
          <Button variant="default" aria-label="More" px={8}>
            <IconDots size={16} aria-hidden />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component="a" href={fileHref(id, own, "html")} target="_blank" rel="noopener">
            Open as a page to print
          </Menu.Item>
          <Menu.Item component="a" href={requestsHref(id, own)} download>
            Save the requests behind it as CSV
          </Menu.Item>
          {!own && status === "finalized" && corrects === null && (
            <Menu.Item color="red" onClick={() => setDoing("void")}>
              Void
            </Menu.Item>
          )}
          {!own && status === "paid" && corrects === null && (
            <Menu.Item color="red" onClick={() => setDoing("credit-note")}>
              Take back by a credit note
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      {doing !== null && <ActionDialog invoice={invoice} action={doing} onClose={() => setDoing(null)} />}
    </>
  );
}

interface Words {
  title: (invoice: Invoice) => string;
  intro: (invoice: Invoice) => string;
  action: string;
  /** The field that is asked for; a reason is required, a reference is not. */
  field?: { label: string; description: string; name: "reference" | "reason" };
  done: (changed: Invoice) => string;
}

const WORDS: Readonly<Record<Action, Words>> = {
  finalize: {
    title: ({ month, payer }) => `Finalize ${monthWords(month)} for ${payerWords(payer)}?`,
    intro: () => "It gets a number, and nothing in it changes after that. What is recorded later for this month goes onto the next invoice.",
    action: "Finalize",
    done: (issued) => `${titleOf(issued)} is issued.`,
  },
  pay: {
    title: (invoice) => `Mark ${titleOf(invoice)} as paid?`,
    intro: ({ total_usd: total }) => `${exactUsd(total)} was received. A paid invoice cannot be voided, only taken back by a credit note.`,
    action: "Mark paid",
    field: { label: "Reference", description: "Of the payment, such as the line of a bank statement; may be empty.", name: "reference" },
    done: (paid) => `${titleOf(paid)} is paid.`,
  },
  void: {
    title: (invoice) => `Void ${titleOf(invoice)}?`,
    intro: ({ month }) =>
      `It stays, as void, and keeps its number. Its records are open again, so a new invoice can be made for ${monthWords(month)}, and the credit it used is returned.`,
    action: "Void it for good",
    field: { label: "Reason", description: "It stands on the invoice, and in the audit log.", name: "reason" },
    done: (voided) => `${titleOf(voided)} is void.`,
  },
  "credit-note": {
    title: (invoice) => `Take back ${titleOf(invoice)}?`,
    intro: ({ total_usd: total }) =>
      `A credit note, an invoice of its own number, has the same lines with the other sign. What was paid (${exactUsd(total)}) becomes credit, and the records are open again.`,
    action: "Make the credit note",
    field: { label: "Reason", description: "It stands on the credit note, and in the audit log.", name: "reason" },
    done: (note) => `${titleOf(note)} is issued.`,
  },
};

function ActionDialog({ invoice, action, onClose }: { invoice: Invoice; action: Action; onClose: () => void }) {
  useReturnFocus();
  const navigate = useNavigate();
  const { notify } = useNotices();
  const change = useChangeInvoice(invoice.id);
  const [text, setText] = useState("");
  const { title, intro, action: label, field, done } = WORDS[action];
  const wrong = field !== undefined && change.error instanceof ApiError && change.error.param === field.name ? change.error.message : undefined;
  const submit = () => {
    change.mutate(
      { action, text: text.trim() },
      {
        onSuccess: (changed) => {
          notify({ state: "good", text: done(changed) });
          onClose();
          if (changed.id !== invoice.id) void navigate(`/admin/billing/invoices/${encodeURIComponent(changed.id)}`, { replace: action === "finalize" });
        },
      },
    );
  };
  return (
    <Modal opened onClose={onClose} title={title(invoice)}>
      <DialogForm
        action={label}
        danger={action === "void" || action === "credit-note"}
        ready={field?.name !== "reason" || text.trim() !== ""}
        busy={change.isPending}
        error={wrong === undefined ? change.error : null}
        onSubmit={submit}
        onCancel={onClose}
      >
        <Text size="sm" c="dimmed">
          {intro(invoice)}
        </Text>
        {field !== undefined && (
          <TextInput
            label={field.label}
            description={field.description}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={wrong}
            maxLength={field.name === "reason" ? 500 : 200}
            autoComplete="off"
            data-autofocus
          />
        )}
      </DialogForm>
    </Modal>
  );
}
