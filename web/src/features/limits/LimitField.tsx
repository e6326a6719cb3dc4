import { TextInput } from "@mantine/core";

import { readFigure } from "~/features/limits/draft";
import { fieldLabel, type FigureName, isCost } from "~/features/limits/names";
import type { Reading } from "~/features/limits/readings";
import { decimal, exactUsd } from "~/ui/format/money";
import { compact } from "~/ui/format/numbers";

import classes from "./LimitFields.module.css";

interface FieldProps {
  name: FigureName;
  label: string;
  text: string;
  onText: (text: string) => void;
  fault: string | undefined;
  reading?: Reading | undefined;
  /** The model whose limit it is, for screen readers. */
  model?: string;
  focus?: boolean;
}

/** A text field for one limit, with what is used of it. */
export function LimitField({ name, label, text, onText, fault, reading, model, focus = false }: FieldProps) {
  const cost = isCost(name);
  const read = readFigure(name, text);
  const blocks = "value" in read && (read.value === 0 || read.value === "0");
  return (
    <div className={classes["input"]}>
      <TextInput
        label={label}
        aria-label={model === undefined ? fieldLabel(name) : `${fieldLabel(name)}, ${model}`}
        size="xs"
        inputMode={cost ? "decimal" : "numeric"}
        autoComplete="off"
        placeholder="–"
        leftSection={cost ? "$" : undefined}
        leftSectionWidth={24}
        value={text}
        onChange={(event) => onText(event.currentTarget.value)}
        error={fault}
        data-autofocus={focus || undefined}
        autoFocus={focus}
      />
      {fault === undefined && (
        <span className={`${classes["hint"] ?? ""} ${blocks ? (classes["blocks"] ?? "") : ""}`}>
          {hintOf(name, blocks, reading)}
        </span>
      )}
    </div>
  );
}

function hintOf(name: FigureName, blocks: boolean, reading: Reading | undefined): string {
  if (name === "queue_weight") return "Twice the weight, twice the share; empty is 1";
  if (blocks) return "0 blocks every request";
  return reading === undefined ? "" : `${amountUsed(name, reading)} used`;
}

function amountUsed(name: string, { used: amount }: Reading): string {
  return isCost(name) ? exactUsd(decimal(amount)) : compact(amount);
}
