import { Button, Group, Stack, Text } from "@mantine/core";
import type { ReactNode, SyntheticEvent } from "react";

interface Props {
  /** The words on the button that submits. */
  action: string;
  danger?: boolean;
  ready?: boolean;
  busy: boolean;
  /** What went wrong; null: nothing, or it is shown at a field. */
  error: Error | null;
  onSubmit: () => void;
  onCancel: () => void;
  children: ReactNode;
}

/** The form in a dialog: its fields, what went wrong, and the two ways out. */
export function DialogForm({ action, danger = false, ready = true, busy, error, onSubmit, onCancel, children }: Props) {
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        {children}
        {error !== null && (
          <Text c="var(--bad)" size="sm" role="alert">
            {error.message}
          </Text>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={!ready} {...(danger && { color: "red.9" })}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
