import { Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";

import { useAllModels } from "~/features/models/models";
import { type Upstream, useUpstreamChanges } from "~/features/upstreams/upstreams";
import { DialogForm } from "~/ui/DialogForm";
import { count } from "~/ui/format/numbers";

import classes from "./TakeOut.module.css";

/** The ways out of service. */
export type Way = "drain" | "disable" | "remove";

const ACTIONS: Readonly<Record<Way, string>> = { drain: "Drain", disable: "Disable", remove: "Remove" };

interface Props {
  upstream: Upstream;
  way: Way;
  onClose: () => void;
  /** Called when the dialog is gone, to lead the focus back. */
  onClosed: () => void;
}

/** Takes an upstream out of service, after it has named what stops. */
export function TakeOut({ upstream, way, onClose, onClosed }: Props) {
  const { setState, remove } = useUpstreamChanges();
  const models = useAllModels().data;
  const { id, health } = upstream;
  useEffect(() => onClosed, [onClosed]);
  const act = useMutation({
    mutationFn: () => (way === "remove" ? remove(id) : setState(id, way === "drain" ? "draining" : "disabled")),
    onSuccess: onClose,
  });
  const only = models?.filter(({ upstreams }) => upstreams.every((other) => other === id)).map(({ name }) => name) ?? [];
  return (
    <Modal opened onClose={onClose} returnFocus={false} title={`${ACTIONS[way]} ${id}?`}>
      <DialogForm action={`${ACTIONS[way]} ${id}`} danger={way === "remove"} busy={act.isPending} error={act.error} onSubmit={() => act.mutate()} onCancel={onClose}>
        <ul className={classes["stops"]}>
          <li>It gets no new requests. {underWay(health.in_flight)}</li>
          {only.length > 0 && <li>{onlyHere(only)}</li>}
          {way === "drain" && <li>Once nothing is under way there, it is disabled.</li>}
          {way === "remove" && <li>Its settings are forgotten, its secret among them. Its records stay.</li>}
        </ul>
      </DialogForm>
    </Modal>
  );
}

function underWay(running: number): string {
  if (running === 0) return "None is under way there.";
  return running === 1 ? "The one under way there may end." : `The ${count(running)} under way there may end.`;
}

const MAX_NAMED = 5;

function onlyHere(models: readonly string[]): string {
  const more = models.length > MAX_NAMED ? ` and ${count(models.length - MAX_NAMED)} more` : "";
  return `No one can use ${models.slice(0, MAX_NAMED).join(", ")}${more} any longer: no other upstream has ${models.length === 1 ? "it" : "them"}.`;
}
