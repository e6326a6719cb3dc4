import { Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "~/api/client";
import { useUserChanges } from "~/features/users/changes";
import { errorElsewhere, messageAt, UserDialog, type UserDialogProps, type UserFormProps } from "~/features/users/UserDialog";
import type { UserRow } from "~/features/users/users";
import { DialogForm } from "~/ui/DialogForm";
import { useNotices } from "~/ui/useNotices";

/** Changes what a user's invoices say of them, and where alerts on their budgets go. */
export function EditContact(props: UserDialogProps) {
  return (
    <UserDialog {...props} title={`Address of ${props.user.user_id}`}>
      <ContactForm user={props.user} onClose={props.onClose} />
    </UserDialog>
  );
}

const FIELDS = ["address", "tax_id", "email"] as const;
type Contact = Record<(typeof FIELDS)[number], string>;

/** What differs from before; null where a field was emptied. */
export function contactChange(contact: Contact, before: Pick<UserRow, keyof Contact>): Schemas["UserForm"] {
  const different = FIELDS.filter((name) => contact[name].trim() !== (before[name] ?? ""));
  return Object.fromEntries(different.map((name) => [name, contact[name].trim() === "" ? null : contact[name].trim()]));
}

function ContactForm({ user, onClose }: UserFormProps) {
  const { refresh } = useUserChanges();
  const { notify } = useNotices();
  const [contact, setContact] = useState<Contact>({ address: user.address ?? "", tax_id: user.tax_id ?? "", email: user.email ?? "" });
  const wanted = contactChange(contact, user);
  const change = useMutation({
    mutationFn: () => body(api.PATCH("/admin/users/{user_id}", { params: { path: { user_id: user.user_id } }, body: wanted })),
    onSuccess: () => {
      notify({ state: "good", text: `${user.user_id} is changed. Invoices that are issued stay as they are.` });
      void refresh();
      onClose();
    },
  });
  return (
    <DialogForm
      action="Save"
      ready={Object.keys(wanted).length > 0}
      busy={change.isPending}
      error={errorElsewhere(change.error, FIELDS)}
      onSubmit={() => change.mutate()}
      onCancel={onClose}
    >
      <Textarea
        label="Address"
        description="For invoices"
        value={contact.address}
        onChange={(event) => setContact({ ...contact, address: event.currentTarget.value })}
        error={messageAt(change.error, "address")}
        maxLength={500}
        rows={3}
        data-autofocus
      />
      <TextInput
        label="Tax id"
        description="For invoices"
        value={contact.tax_id}
        onChange={(event) => setContact({ ...contact, tax_id: event.currentTarget.value })}
        error={messageAt(change.error, "tax_id")}
        maxLength={64}
        autoComplete="off"
      />
      <TextInput
        type="email"
        label="E-mail"
        description="For alerts on their budgets"
        value={contact.email}
        onChange={(event) => setContact({ ...contact, email: event.currentTarget.value })}
        error={messageAt(change.error, "email")}
        maxLength={254}
        autoComplete="off"
      />
    </DialogForm>
  );
}
