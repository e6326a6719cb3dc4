import { Select, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { useModelCommands } from "~/features/lifecycle/commands";
import type { Model } from "~/features/models/models";
import { managedPlaces } from "~/features/models/places";
import { DialogForm } from "~/ui/DialogForm";

const NAME = /^[!-~]{1,256}$/;
const ALL = "";

/** Gives a model a second name. */
export function CopyModel({ model, onClose }: { model: Model; onClose: () => void }) {
  const { copy } = useModelCommands();
  const [to, setTo] = useState("");
  const [upstream, setUpstream] = useState(ALL);
  const bare = to.trim();
  const put = useMutation({ mutationFn: () => copy(model.name, bare, upstream === ALL ? null : upstream), onSuccess: onClose });
  return (
    <DialogForm action="Copy" ready={NAME.test(bare)} busy={put.isPending} error={put.error} onSubmit={() => put.mutate()} onCancel={onClose}>
      <TextInput
        label="New name"
        placeholder="ours:stable"
        value={to}
        onChange={(event) => setTo(event.currentTarget.value)}
        error={bare !== "" && !NAME.test(bare) && "A name has no spaces, and at most 256 characters, all of ASCII."}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        data-autofocus
      />
      <WhereOf model={model} all="Every Ollama that has it" value={upstream} onChange={setUpstream} />
      <Text size="sm" c="dimmed">
        It takes no room on the disk, and stays when {model.name} is deleted or pulled anew.
      </Text>
    </DialogForm>
  );
}

/** One of the upstreams of a model, or all; nothing to choose where there is one. */
export function WhereOf({ model, all, value, onChange }: { model: Model; all: string; value: string; onChange: (value: string) => void }) {
  const places = managedPlaces(model);
  if (places.length < 2) return null;
  return (
    <Select
      label="At"
      allowDeselect={false}
      data={[{ value: ALL, label: all }, ...places.map(({ upstream }) => upstream)]}
      value={value}
      onChange={(chosen) => onChange(chosen ?? ALL)}
    />
  );
}
