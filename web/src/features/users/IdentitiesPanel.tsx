import { ActionIcon, Button, Modal, NativeSelect, Text, TextInput, Tooltip } from "@mantine/core";
import { IconPlus, IconUnlink } from "@tabler/icons-react";
import { useState } from "react";

import { type Provider, useWaysIn } from "~/features/session/waysIn";
import { type Identity, useIdentities, useLinkIdentity, useUnlinkIdentity } from "~/features/users/identities";
import { errorElsewhere, messageAt } from "~/features/users/UserDialog";
import { type Column, DataTable } from "~/ui/DataTable";
import { DialogForm } from "~/ui/DialogForm";
import { Empty } from "~/ui/Empty";
import { ErrorMessage } from "~/ui/ErrorMessage";
import { Name } from "~/ui/Name";
import { Panel } from "~/ui/Panel";
import { RelativeTime } from "~/ui/Times";
import { useNotices } from "~/ui/useNotices";
import { useReturnFocus } from "~/ui/useReturnFocus";

import classes from "./IdentitiesPanel.module.css";

/** How a user signs in by providers; nothing where there is no provider, and never was one. */
export function IdentitiesPanel({ userId, closed }: { userId: string; closed: boolean }) {
  const { data, error, refetch } = useIdentities(userId);
  const providers = useWaysIn().data?.providers ?? [];
  const [linking, setLinking] = useState(false);
  const [unlinking, setUnlinking] = useState<Identity | null>(null);
  const none = data === undefined || data.data.length === 0;
  if (none && error === null && (providers.length === 0 || closed)) return null;
  const nameOf = ({ provider, issuer }: Identity) => providers.find(({ id }) => id === provider)?.name ?? provider ?? issuer;
  const link = (
    <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setLinking(true)}>
      Link an identity
    </Button>
  );
  return (
    <Panel title="Sign-in by providers" flush {...(!closed && providers.length > 0 && { actions: link })}>
      {error !== null ? (
        <ErrorMessage error={error} onRetry={() => void refetch()} />
      ) : (
        <DataTable
          label="Identities"
          columns={columnsOf(nameOf, setUnlinking)}
          rows={data?.data}
          rowKey={({ id }) => id}
          empty={
            <Empty title="No identity is linked">
              <Text size="sm" c="dimmed">
                Once one is, its owner signs in to this account with one click, without a password.
              </Text>
            </Empty>
          }
        />
      )}
      {linking && <LinkIdentity userId={userId} providers={providers} onClose={() => setLinking(false)} />}
      {unlinking !== null && <UnlinkIdentity userId={userId} identity={unlinking} provider={nameOf(unlinking)} onClose={() => setUnlinking(null)} />}
    </Panel>
  );
}

function columnsOf(nameOf: (identity: Identity) => string, unlink: (identity: Identity) => void): Column<Identity>[] {
  return [
    { id: "provider", label: "Provider", grow: 1, cell: (identity) => <Name text={nameOf(identity)} more={identity.issuer} /> },
    { id: "subject", label: "Subject", grow: 1, narrow: "below", cell: ({ subject }) => <code className={classes["subject"]}><Name text={subject} /></code> },
    { id: "since", label: "Linked", narrow: "named", cell: ({ created_at: at }) => <RelativeTime at={at} /> },
    {
      id: "actions",
      label: "Actions",
      quiet: true,
      narrow: "beside",
      numeric: true,
      cell: (identity) => (
        <Tooltip label="Unlink">
          <ActionIcon variant="subtle" color="gray" aria-label={`Unlink ${identity.subject} at ${nameOf(identity)}`} onClick={() => unlink(identity)}>
            <IconUnlink size={16} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      ),
    },
  ];
}

interface LinkProps {
  userId: string;
  providers: readonly Provider[];
  onClose: () => void;
}

function LinkIdentity({ userId, providers, onClose }: LinkProps) {
  useReturnFocus();
  const link = useLinkIdentity(userId);
  const { notify } = useNotices();
  const [provider, setProvider] = useState(providers[0]?.id ?? "");
  const [subject, setSubject] = useState("");
  const submit = () => {
    link.mutate(
      { provider, subject: subject.trim() },
      {
        onSuccess: () => {
          notify({ state: "good", text: `${subject.trim()} signs in as ${userId} now.` });
          onClose();
        },
      },
    );
  };
  return (
    <Modal opened onClose={onClose} title={`Link an identity to ${userId}`}>
      <DialogForm
        action="Link it"
        ready={subject.trim() !== ""}
        busy={link.isPending}
        error={errorElsewhere(link.error, ["subject"])}
        onSubmit={submit}
        onCancel={onClose}
      >
        <NativeSelect
          label="Provider"
          size="sm"
          data={providers.map(({ id, name }) => ({ value: id, label: name }))}
          value={provider}
          onChange={(event) => setProvider(event.currentTarget.value)}
        />
        <TextInput
          label="Subject"
          description="What the provider calls them for good: the claim “sub” of its tokens. No e-mail address."
          value={subject}
          onChange={(event) => setSubject(event.currentTarget.value)}
          error={messageAt(link.error, "subject")}
          maxLength={512}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          data-autofocus
        />
        <Text size="sm" c="dimmed">
          Whoever has this identity signs in as {userId}, without a password.
        </Text>
      </DialogForm>
    </Modal>
  );
}

interface UnlinkProps {
  userId: string;
  identity: Identity;
  provider: string;
  onClose: () => void;
}

function UnlinkIdentity({ userId, identity, provider, onClose }: UnlinkProps) {
  useReturnFocus();
  const unlink = useUnlinkIdentity(userId);
  const { notify } = useNotices();
  const submit = () => {
    unlink.mutate(identity.id, {
      onSuccess: () => {
        notify({ state: "good", text: `${identity.subject} no longer signs in as ${userId}.` });
        onClose();
      },
    });
  };
  return (
    <Modal opened onClose={onClose} title={`Unlink ${identity.subject}`}>
      <DialogForm action="Unlink it" danger busy={unlink.isPending} error={unlink.error} onSubmit={submit} onCancel={onClose}>
        <Text size="sm">
          It no longer signs in as {userId} by {provider}, and the sessions that began by it end now. Keys and a password work on.
        </Text>
      </DialogForm>
    </Modal>
  );
}
