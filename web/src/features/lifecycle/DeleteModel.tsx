import { Checkbox } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { ApiError } from "~/api/client";
import { useModelCommands } from "~/features/lifecycle/commands";
import { WhereOf } from "~/features/lifecycle/CopyModel";
import type { Model } from "~/features/models/models";
import { managedPlaces, runningOn } from "~/features/models/places";
import { DialogForm } from "~/ui/DialogForm";
import { count } from "~/ui/format/numbers";

import classes from "./ModelDialog.module.css";

const ALL = "";
const IN_THE_WAY = new Set(["model_in_use", "model_pinned"]);

/** Deletes a model, after it has named what stops, and what stands in the way. `upstream`: the one that is meant; "": all. */
export function DeleteModel({ model, upstream: given, onClose }: { model: Model; upstream: string; onClose: () => void }) {
  const { remove } = useModelCommands();
  const [upstream, setUpstream] = useState(given);
  const [force, setForce] = useState(false);
  const where = upstream === ALL ? null : upstream;
  const act = useMutation({ mutationFn: () => remove(model.name, where, force), onSuccess: onClose });
  const running = runningOn(model, where);
  const pinned = model.pinned !== null;
  // Requests that came in since the list was read are told by the refusal.
  const refused = act.error instanceof ApiError && act.error.code !== null && IN_THE_WAY.has(act.error.code);
  const blocked = running > 0 || pinned || refused;
  const stops = stopsOf(model, where);
  return (
    <DialogForm
      action={`Delete ${model.name}`}
      danger
      ready={!blocked || force}
      busy={act.isPending}
      error={act.error}
      onSubmit={() => act.mutate()}
      onCancel={onClose}
    >
      <WhereOf model={model} all="Every Ollama that has it" value={upstream} onChange={setUpstream} />
      <ul className={classes["stops"]}>
        {stops.map((line) => (
          <li key={line}>{line}</li>
        ))}
        {running > 0 && <li className={classes["blocks"]}>{running === 1 ? "1 request runs on it now, and would fail." : `${count(running)} requests run on it now, and would fail.`}</li>}
        {pinned && <li className={classes["blocks"]}>It is pinned. The pin stays, for when it is pulled again.</li>}
      </ul>
      {blocked && <Checkbox size="sm" label="Delete it all the same" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} />}
    </DialogForm>
  );
}

/** What is different afterwards. */
export function stopsOf(model: Model, upstream: string | null): string[] {
  const gone = managedPlaces(model)
    .map((place) => place.upstream)
    .filter((one) => upstream === null || one === upstream);
  const left = model.upstreams.filter((one) => !gone.includes(one));
  const lines = [`Its files at ${gone.join(", ")} are deleted. It can be pulled again.`];
  if (left.length > 0) return [...lines, `Requests for it go to ${left.join(", ")}.`];
  lines.push("No one can use it any longer: no other upstream has it.");
  if (model.aliases.length > 0) lines.push(`Nor by ${model.aliases.join(", ")}, unless that stands for another model, too.`);
  return lines;
}
