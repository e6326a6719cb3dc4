import { ActionIcon, Button, Modal, Text } from "@mantine/core";
import { IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { type Alias, useAliasChanges, useAliases } from "~/features/models/aliases";
import { AliasForm } from "~/features/models/AliasForm";
import { type Column, DataTable } from "~/ui/DataTable";
import { DialogForm } from "~/ui/DialogForm";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { useReturnFocus } from "~/ui/useReturnFocus";

import classes from "./AliasesPanel.module.css";

type Dialog = { is: "form"; alias: Alias | null } | { is: "removal"; alias: Alias };

/** The aliases there are; they are made, changed and removed here. */
export function AliasesPanel() {
  const { data, error, refetch } = useAliases();
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const close = () => setDialog(null);
  const columns: Column<Alias>[] = [
    { id: "name", label: "Alias", grow: 1, cell: ({ name }) => <strong className={classes["name"]}><Name text={name} tail={14} /></strong> },
    {
      id: "actions",
      label: "Actions",
      quiet: true,
      narrow: "beside",
      cell: (alias) => (
        <ActionIcon.Group>
          <ActionIcon variant="default" size={26} aria-label={`Change ${alias.name}`} onClick={() => setDialog({ is: "form", alias })}>
            <IconPencil size={14} />
          </ActionIcon>
          <ActionIcon variant="default" size={26} aria-label={`Remove ${alias.name}`} onClick={() => setDialog({ is: "removal", alias })}>
            <IconTrash size={14} />
          </ActionIcon>
        </ActionIcon.Group>
      ),
    },
    { id: "models", label: "Stands for", grow: 2, wraps: true, narrow: "below", cell: ({ models }) => models.join(", then ") },
  ];
  return (
    <Panel
      title="Aliases"
      flush
      actions={
        <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setDialog({ is: "form", alias: null })}>
          Add an alias
        </Button>
      }
    >
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : (
        <DataTable label="Aliases" columns={columns} rows={data} rowKey={(alias) => alias.name} empty={<None />} />
      )}
      {dialog?.is === "form" && <AliasForm alias={dialog.alias} onClose={close} />}
      {dialog?.is === "removal" && <RemoveAlias alias={dialog.alias} onClose={close} />}
    </Panel>
  );
}

function None() {
  return (
    <Empty title="No aliases">
      <Text size="sm" c="dimmed">
        An alias is another name of a model, or of several: the first that can serve answers, and the next where it fails.
      </Text>
    </Empty>
  );
}

function RemoveAlias({ alias: { name }, onClose }: { alias: Alias; onClose: () => void }) {
  useReturnFocus();
  const { remove } = useAliasChanges();
  const act = useMutation({ mutationFn: () => remove(name), onSuccess: onClose });
  return (
    <Modal opened onClose={onClose} title={`Remove ${name}?`}>
      <DialogForm action={`Remove ${name}`} danger busy={act.isPending} error={act.error} onSubmit={() => act.mutate()} onCancel={onClose}>
        <Text size="sm">Whoever asks for “{name}” is refused from the next request on, unless a model is called so. What is under way goes on.</Text>
      </DialogForm>
    </Modal>
  );
}
