import { Checkbox, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { api, body } from "~/api/client";
import { useKeys } from "~/features/keys/keys";
import { useUserChanges } from "~/features/users/changes";
import { UserDialog, type UserDialogProps, type UserFormProps } from "~/features/users/UserDialog";
import { DialogForm } from "~/ui/DialogForm";
import { count } from "~/ui/format/numbers";
import { useNotices } from "~/ui/useNotices";

import classes from "./CloseUser.module.css";

/** Closes an account for good, and forgets the person if that is wanted; of a closed account only that is left. */
export function CloseUser(props: UserDialogProps) {
  const { user_id: userId, status } = props.user;
  return (
    <UserDialog {...props} title={status === "closed" ? `Forget ${userId}?` : `Close the account of ${userId}?`}>
      <CloseForm user={props.user} onClose={props.onClose} />
    </UserDialog>
  );
}

function CloseForm({ user, onClose }: UserFormProps) {
  const { refresh } = useUserChanges();
  const { notify } = useNotices();
  const navigate = useNavigate();
  const closed = user.status === "closed";
  const [chosen, setChosen] = useState(false);
  const erase = closed || chosen;
  const keys = useKeys(user.user_id);
  const active = keys.data?.filter((key) => key.status === "active").length;
  const close = useMutation({
    mutationFn: () => body(api.DELETE("/admin/users/{user_id}", { params: { path: { user_id: user.user_id }, query: { erase } } })),
    onSuccess: (left) => {
      onClose();
      if (erase) {
        notify({ state: "good", text: `The person is forgotten. Their records are those of ${left.user_id} now.` });
        void navigate(`/admin/users/${encodeURIComponent(left.user_id)}`, { replace: true });
      } else {
        notify({ state: "good", text: `${user.user_id} is closed. Their records stay.` });
        void keys.refetch();
      }
      void refresh();
    },
  });
  const who = user.name === null ? user.user_id : `${user.name} (${user.user_id})`;
  const theirs = active === undefined ? "Every key" : active === 1 ? "The one key" : `All ${count(active)} keys`;
  return (
    <DialogForm
      action={erase ? `Forget ${user.user_id} for good` : `Close ${user.user_id} for good`}
      danger
      busy={close.isPending}
      error={close.error}
      onSubmit={() => close.mutate()}
      onCancel={onClose}
    >
      {!closed && (
        <>
          <ul className={classes["stops"]}>
            <li>
              {theirs} of {who} {active === 1 ? "stops" : "stop"} working at once, and what runs with them is cut.
            </li>
            <li>They are signed out and cannot sign in again.</li>
            {!erase && <li>Their records stay, and so does the id: nobody else can have it.</li>}
          </ul>
          <Checkbox checked={chosen} onChange={(event) => setChosen(event.currentTarget.checked)} label="Forget the person, too" />
        </>
      )}
      {erase && (
        <ul className={classes["stops"]}>
          <li>Their id, name, keys, sessions and the metadata of their requests are deleted, also from the audit log.</li>
          <li>Records and sums stay, under an id that tells nothing. Invoices stay as they were issued.</li>
          <li>The id is free: whoever gets it begins without a history.</li>
          <li>Backups and logs keep what they have. Delete those yourself.</li>
        </ul>
      )}
      <Text size="sm">{closed ? "This cannot be undone." : "This cannot be undone. To stop them for a while, suspend them."}</Text>
    </DialogForm>
  );
}
