import { Modal, PasswordInput } from "@mantine/core";
import { useState } from "react";

import { useSignIn } from "~/features/session/session";
import { DialogForm } from "~/ui/DialogForm";
import { useNotices } from "~/ui/useNotices";

/** Changes one's own password, which ends all other sessions of the account. */
export function PasswordDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { changePassword } = useSignIn();
  const { notify } = useNotices();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);

  const close = () => {
    setCurrent("");
    setNext("");
    setError(null);
    onClose();
  };
  // No mutation: a wrong password is answered with 401, which for a mutation means that the session has ended.
  const submit = () => {
    setBusy(true);
    changePassword(current, next)
      .then(() => {
        notify({ state: "good", text: "Your password is changed. You are signed out everywhere else." });
        close();
      })
      .catch((reason: unknown) => setError(reason instanceof Error ? reason : new Error(String(reason))))
      .finally(() => setBusy(false));
  };

  return (
    <Modal opened={opened} onClose={close} title="Change password">
      <DialogForm action="Change password" busy={busy} error={error} onSubmit={submit} onCancel={close}>
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
          required
          data-autofocus
        />
        <PasswordInput
          label="New password"
          description="At least 6 characters. Other browsers where you are signed in are signed out."
          autoComplete="new-password"
          minLength={6}
          value={next}
          onChange={(event) => setNext(event.currentTarget.value)}
          required
        />
      </DialogForm>
    </Modal>
  );
}
