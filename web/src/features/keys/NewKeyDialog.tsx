import { Button, Group, Modal, Stack } from "@mantine/core";

import type { NewKey } from "~/features/keys/keys";
import { CopyButton } from "~/ui/CopyButton";
import { Warning } from "~/ui/Warning";

import classes from "./Keys.module.css";

/** A new key, the only time it is shown: nothing but its button closes the dialog. */
export function NewKeyDialog({ made, title, onClose }: { made: NewKey; title: string; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={title} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}>
      <Stack>
        <div className={classes["secret"]}>
          <code>{made.api_key}</code>
          <CopyButton text={made.api_key} what="key" />
        </div>
        <Warning>
          This is the only time it is shown. Copy it now, and keep it as you keep a password: whoever has it can spend on this account.
        </Warning>
        <Group justify="flex-end">
          <Button onClick={onClose}>I have kept it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
