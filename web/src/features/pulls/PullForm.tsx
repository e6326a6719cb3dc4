import { Anchor, Checkbox, Modal, Select, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";

import { type Job, useJobChanges } from "~/features/pulls/jobs";
import { useUpstreams } from "~/features/upstreams/upstreams";
import { DialogForm } from "~/ui/DialogForm";
import { useReturnFocus } from "~/ui/useReturnFocus";

const NAME = /^[!-~]{1,256}$/;
const EVERY = "";

interface Props {
  /** The name that it begins with. */
  model: string;
  onClose: () => void;
  onPulling: (job: Job) => void;
}

/** Begins to pull a model. */
export function PullForm({ model: given, onClose, onPulling }: Props) {
  useReturnFocus();
  const { upstreams } = useUpstreams();
  const { pull } = useJobChanges();
  const [model, setModel] = useState(given);
  const [upstream, setUpstream] = useState(EVERY);
  const [insecure, setInsecure] = useState(false);
  const bare = model.trim();
  const ollamas = upstreams?.filter(({ kind }) => kind === "ollama");
  const put = useMutation({
    mutationFn: () => pull({ model: bare, insecure, ...(upstream !== EVERY && { upstream }) }),
    onSuccess: onPulling,
  });
  return (
    <Modal opened onClose={onClose} title="Pull a model">
      <DialogForm
        action="Pull"
        ready={NAME.test(bare) && ollamas?.length !== 0}
        busy={put.isPending}
        error={put.error}
        onSubmit={() => put.mutate()}
        onCancel={onClose}
      >
        <TextInput
          label="Model"
          description="As Ollama names it; another registry goes before it"
          placeholder="llama3.2:1b"
          value={model}
          onChange={(event) => setModel(event.currentTarget.value)}
          error={bare !== "" && !NAME.test(bare) && "A name has no spaces, and at most 256 characters, all of ASCII."}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          data-autofocus
        />
        {ollamas?.length === 0 ? (
          <Text size="sm">
            There is no Ollama to pull at. Add one under{" "}
            <Anchor component={Link} to="/admin/upstreams?add=1">
              Upstreams
            </Anchor>
            .
          </Text>
        ) : (
          <Select
            label="At"
            allowDeselect={false}
            data={[
              { value: EVERY, label: "Every Ollama in use" },
              ...(ollamas ?? []).map(({ id, state }) => ({ value: id, label: state === "active" ? id : `${id} (${state})` })),
            ]}
            value={upstream}
            onChange={(value) => setUpstream(value ?? EVERY)}
          />
        )}
        <Checkbox
          size="xs"
          label="Insecure registry"
          description="It speaks plain http, or has a certificate that nobody vouches for."
          checked={insecure}
          onChange={(event) => setInsecure(event.currentTarget.checked)}
        />
        <Text size="xs" c="dimmed">
          It goes on when this page is left, and after a restart.
        </Text>
      </DialogForm>
    </Modal>
  );
}
