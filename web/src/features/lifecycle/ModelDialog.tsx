import { Modal } from "@mantine/core";
import { useEffect } from "react";

import { CopyModel } from "~/features/lifecycle/CopyModel";
import { DeleteModel } from "~/features/lifecycle/DeleteModel";
import { PinModel } from "~/features/lifecycle/PinModel";
import type { Model } from "~/features/models/models";

/** What is asked for before it is done; `upstream`: the one that it is about, "": all that have the model. */
export type ModelQuestion = { is: "pin"; accept: boolean } | { is: "copy" } | { is: "delete"; upstream: string };

interface Props {
  model: Model;
  question: ModelQuestion;
  onClose: () => void;
  /** Called when the dialog is gone, to lead the focus back. */
  onClosed?: () => void;
}

export function ModelDialog({ model, question, onClose, onClosed }: Props) {
  useEffect(() => onClosed, [onClosed]);
  return (
    <Modal opened onClose={onClose} returnFocus={false} title={titleOf(question, model)}>
      {question.is === "pin" && <PinModel model={model} accept={question.accept} onClose={onClose} />}
      {question.is === "copy" && <CopyModel model={model} onClose={onClose} />}
      {question.is === "delete" && <DeleteModel model={model} upstream={question.upstream} onClose={onClose} />}
    </Modal>
  );
}

function titleOf(question: ModelQuestion, { name }: Model): string {
  if (question.is === "delete") return `Delete ${name}?`;
  return question.is === "copy" ? `Copy ${name}` : `Pin ${name}`;
}
