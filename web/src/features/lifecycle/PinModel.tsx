import { Checkbox, Select, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { useModelCommands } from "~/features/lifecycle/commands";
import type { Model } from "~/features/models/models";
import { changedPlaces, digestChoices, newDigest, shortDigest } from "~/features/models/places";
import { DialogForm } from "~/ui/DialogForm";
import { Warning } from "~/ui/Warning";

const ANY = "";

/** Keeps a model in memory, its name to one digest, or neither. `accept`: begins with the digest that the name has now. */
export function PinModel({ model, accept, onClose }: { model: Model; accept: boolean; onClose: () => void }) {
  const { pin } = useModelCommands();
  const { name, pinned } = model;
  const before = { digest: pinned?.digest ?? ANY, loaded: pinned?.loaded ?? false };
  const [loaded, setLoaded] = useState(before.loaded);
  const [digest, setDigest] = useState(() => (accept ? newDigest(model) : null) ?? before.digest);
  const put = useMutation({ mutationFn: () => pin(name, { digest: digest === ANY ? null : digest, loaded }), onSuccess: onClose });
  const changed = changedPlaces(model);
  const accepts = before.digest !== ANY && digest !== ANY && digest !== before.digest;
  const unpins = pinned !== null && !loaded && digest === ANY;
  return (
    <DialogForm
      action={unpins ? "Unpin" : accepts ? "Accept the digest" : "Pin"}
      ready={loaded !== before.loaded || digest !== before.digest}
      busy={put.isPending}
      error={put.error}
      onSubmit={() => put.mutate()}
      onCancel={onClose}
    >
      {changed.length > 0 && (
        <Warning>
          At {changed.map(({ upstream }) => upstream).join(", ")} the name now stands for {changed.map((place) => shortDigest(place.digest ?? "no digest")).join(", ")}, not{" "}
          {shortDigest(before.digest)}. It gets no requests there until that is accepted.
        </Warning>
      )}
      <Checkbox
        size="sm"
        label="Keep it in memory"
        description="Loaded again after a restart; at every Ollama that has it"
        checked={loaded}
        onChange={(event) => setLoaded(event.currentTarget.checked)}
        data-autofocus
      />
      <Select
        label="Digest"
        description="With one, requests are refused where the name stands for another"
        allowDeselect={false}
        data={[{ value: ANY, label: "Any" }, ...digestChoices(model).map((choice) => ({ value: choice.digest, label: choice.label }))]}
        value={digest}
        onChange={(value) => setDigest(value ?? ANY)}
      />
      {unpins && <Text size="sm">It leaves memory some minutes after its last use, and whatever is pulled under its name is served.</Text>}
    </DialogForm>
  );
}
