import { Button, Modal, Select, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { messageOf } from "~/api/client";
import { LimitsEditor } from "~/features/limits/LimitsEditor";
import { NO_LIMITS } from "~/features/limits/names";
import { useTemplates } from "~/features/limits/templates";
import { type Bulk, type BulkChange, bulkWords, changeUsers, endOf, previewChange, undoChange, undoneWords, users, type Which } from "~/features/users/bulk";
import { USERS } from "~/features/users/users";
import { DialogForm } from "~/ui/DialogForm";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { useNotices } from "~/ui/useNotices";

import classes from "./BulkBar.module.css";

interface Props {
  which: Which;
  /** How many are selected, and how many match the filter in all. */
  size: number;
  total: number;
  onAll: () => void;
  onNone: () => void;
}

type Step = { choose: "limits" | "template" } | { change: BulkChange; preview: Bulk };

/** What can be done with the users who are selected: each change is previewed first, and can be undone. */
export function BulkBar({ which, size, total, onAll, onNone }: Props) {
  const [step, setStep] = useState<Step | null>(null);
  const { notify } = useNotices();
  const close = () => setStep(null);
  const preview = async (change: BulkChange) => setStep({ change, preview: await previewChange(which, change) });
  const start = (change: BulkChange) => {
    preview(change).catch((error: unknown) => notify({ state: "bad", text: messageOf(error) }));
  };
  return (
    <div className={classes["bar"]} role="group" aria-label="Selected users">
      <Text size="xs" fw={600}>
        {users(size)} selected
      </Text>
      {size < total && (
        <Button variant="subtle" size="compact-xs" onClick={onAll}>
          Select all {users(total)} that match
        </Button>
      )}
      <Button variant="default" size="compact-xs" onClick={() => start({ status: "suspended" })}>
        Suspend
      </Button>
      <Button variant="default" size="compact-xs" onClick={() => start({ status: "active" })}>
        Activate
      </Button>
      <Button variant="default" size="compact-xs" onClick={() => setStep({ choose: "limits" })}>
        Set limits
      </Button>
      <Button variant="default" size="compact-xs" onClick={() => setStep({ choose: "template" })}>
        Apply a template
      </Button>
      <Button variant="subtle" color="gray" size="compact-xs" onClick={onNone}>
        Select none
      </Button>
      <Modal opened={step !== null} onClose={close} title={`Change ${users(size)}`} size="lg">
        {step === null ? null : "choose" in step ? (
          step.choose === "limits" ? (
            <LimitsEditor limits={NO_LIMITS} action="Preview" note="Limits that are left empty stay as each user has them." save={(limits) => preview({ limits })} onDone={close} stays />
          ) : (
            <ChooseTemplate onChosen={(id) => preview({ limit_template: id })} onCancel={close} />
          )
        ) : (
          <Confirm {...step} close={close} onDone={onNone} />
        )}
      </Modal>
    </div>
  );
}

function ChooseTemplate({ onChosen, onCancel }: { onChosen: (id: string) => Promise<void>; onCancel: () => void }) {
  const { data, error } = useTemplates();
  const [id, setId] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Error | null>(null);
  if (error !== null) return <ErrorMessage error={error} />;
  const submit = () => {
    if (id === null) return;
    setBusy(true);
    onChosen(id)
      .catch((failure: unknown) => setRefused(new Error(messageOf(failure))))
      .finally(() => setBusy(false));
  };
  return (
    <DialogForm action="Preview" ready={id !== null} busy={busy} error={refused} onSubmit={submit} onCancel={onCancel}>
      <Select
        label="Limit template"
        description="A copy of it replaces the limits of each user."
        data={(data ?? []).map((template) => ({ value: template.id, label: template.name ?? template.id }))}
        value={id}
        onChange={setId}
        nothingFoundMessage="No templates yet"
      />
    </DialogForm>
  );
}

interface ConfirmProps {
  change: BulkChange;
  preview: Bulk;
  close: () => void;
  onDone: () => void;
}

function Confirm({ change, preview, close, onDone }: ConfirmProps) {
  const queries = useQueryClient();
  const { notify } = useNotices();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const refresh = () => void queries.invalidateQueries({ queryKey: USERS });
  const undo = async (done: Bulk) => {
    try {
      const undone = await undoChange(done.changes);
      notify({ state: endOf(undone), text: undoneWords(undone).join(" ") });
    } catch (failure) {
      notify({ state: "bad", text: messageOf(failure) });
    }
    refresh();
  };
  const submit = () => {
    setBusy(true);
    changeUsers(preview, change)
      .then((done) => {
        notify({ state: endOf(done), text: bulkWords({ ...done, running: {} }, change).join(" "), undo: () => void undo(done) });
        close();
        onDone();
      })
      .catch((failure: unknown) => setError(new Error(messageOf(failure))))
      .finally(() => {
        setBusy(false);
        // After a failure, too: without an answer nobody knows whether they were changed.
        refresh();
      });
  };
  return (
    <DialogForm action={`Change ${users(preview.changed)}`} danger={change.status === "suspended"} ready={preview.changed > 0} busy={busy} error={error} onSubmit={submit} onCancel={close}>
      {bulkWords(preview, change).map((sentence) => (
        <Text key={sentence} size="sm" style={{ overflowWrap: "anywhere" }}>
          {sentence}
        </Text>
      ))}
    </DialogForm>
  );
}
