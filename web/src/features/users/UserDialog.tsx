/** What the dialogs about a user have in common. */
import { Modal } from "@mantine/core";
import type { ReactNode } from "react";

import { ApiError } from "~/api/client";
import type { UserRow } from "~/features/users/users";

export interface UserDialogProps {
  user: UserRow;
  opened: boolean;
  onClose: () => void;
  /** Called when the dialog is gone from the screen, to lead the focus back. */
  onClosed: () => void;
}

export type UserFormProps = Pick<UserDialogProps, "user" | "onClose">;

/** A dialog that a menu opens; the menu is gone by then, so the focus cannot return to it by itself. */
export function UserDialog({ opened, onClose, onClosed, title, children }: UserDialogProps & { title: string; children: ReactNode }) {
  return (
    <Modal opened={opened} onClose={onClose} returnFocus={false} onExitTransitionEnd={onClosed} title={title}>
      {opened && children}
    </Modal>
  );
}

/** The message for a field, where the error is about it. */
export function messageAt(error: Error | null, field: string): string | undefined {
  return error instanceof ApiError && error.param === field ? error.message : undefined;
}

/** An error that is about none of these fields; null for one that is. */
export function errorElsewhere(error: Error | null, fields: readonly string[]): Error | null {
  return fields.some((field) => messageAt(error, field) !== undefined) ? null : error;
}
