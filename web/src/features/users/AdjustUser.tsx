import { SegmentedControl, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "~/api/client";
import { readFigure } from "~/features/limits/draft";
import { useUserChanges } from "~/features/users/changes";
import { errorElsewhere, messageAt, UserDialog, type UserDialogProps, type UserFormProps } from "~/features/users/UserDialog";
import { DialogForm } from "~/ui/DialogForm";
import { exactUsd } from "~/ui/format/money";
import { useNotices } from "~/ui/useNotices";

/** Enters a correction or refund into the ledger. */
export function AdjustUser(props: UserDialogProps) {
  return (
    <UserDialog {...props} title={`Correction or refund for ${props.user.user_id}`}>
      <AdjustForm user={props.user} onClose={props.onClose} />
    </UserDialog>
  );
}

type Direction = "back" | "charge";

function AdjustForm({ user, onClose }: UserFormProps) {
  const queries = useQueryClient();
  const { refresh } = useUserChanges();
  const { notify } = useNotices();
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
      notify({ state: "good", text: `${exactUsd(usd)} ${direction === "back" ? "given back to" : "charged to"} ${user.user_id}. It is in the ledger.` });
      void refresh();
      void queries.invalidateQueries({ queryKey: ["summary"] });
      void queries.invalidateQueries({ queryKey: ["calls"] });
      onClose();
    },
  });
  return (
    <DialogForm
      action={amount === null ? "Enter it" : direction === "back" ? `Give back ${exactUsd(amount)}` : `Charge ${exactUsd(amount)}`}
      ready={amount !== null && reason.trim() !== ""}
      busy={adjust.isPending}
      error={errorElsewhere(adjust.error, ["cost_usd", "reason"])}
      onSubmit={() => amount !== null && adjust.mutate(amount)}
      onCancel={onClose}
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
        error={messageAt(adjust.error, "cost_usd") ?? ("fault" in read ? "An amount in dollars, like 1.50." : undefined)}
        data-autofocus
      />
      <TextInput
        label="Reason"
        description="Kept in the audit log."
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        error={messageAt(adjust.error, "reason")}
        maxLength={500}
        required
        withAsterisk={false}
      />
    </DialogForm>
  );
}
