import { Modal, Text } from "@mantine/core";

import { type EndUser, personOf, useEraseEndUser } from "~/features/endUsers/endUsers";
import { DialogForm } from "~/ui/DialogForm";
import { useNotices } from "~/ui/useNotices";
import { useReturnFocus } from "~/ui/useReturnFocus";

/** Erases who an end user is, for good. */
export function EraseEndUser({ endUser, onClose }: { endUser: EndUser; onClose: () => void }) {
  useReturnFocus();
  const erase = useEraseEndUser();
  const { notify } = useNotices();
  const submit = () => {
    erase.mutate(endUser.id, {
      onSuccess: () => {
        notify({ state: "good", text: `Nothing says any more who ${endUser.id} is.` });
        onClose();
      },
    });
  };
  return (
    <Modal opened onClose={onClose} title={`Erase ${personOf(endUser)}`}>
      <DialogForm action="Erase for good" danger busy={erase.isPending} error={erase.error} onSubmit={submit} onCancel={onClose}>
        <Text size="sm">
          What the app calls this person is erased here, and so are their limits. Their calls stay, as those of {endUser.id}. Should the
          app name them again, they will be a new end user.
        </Text>
        <Text size="sm">This cannot be undone. To stop them for a while, block them.</Text>
      </DialogForm>
    </Modal>
  );
}
