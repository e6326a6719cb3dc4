/** A field for every limit there is, in the order of what they count. */
import { Button, Group, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { compact, decimal, exactUsd } from "~/parts/format";
import { COUNTED, type CountName, type Draft, type Faults, type FigureName, isCost, readFigure, wordsOf } from "~/parts/limits";
import type { Reading, Usage } from "~/parts/Meter";
import { useAllModels } from "~/parts/modelColor";

import classes from "./LimitFields.module.css";

interface Props {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  faults: Faults;
  /** What is used of those there are. */
  usage?: Usage;
  /** Where the focus goes at first. */
  first?: FigureName;
}

export function LimitFields({ draft, onDraft, faults, usage, first }: Props) {
  const figure = (name: FigureName, text: string) => onDraft({ ...draft, figures: { ...draft.figures, [name]: text } });
  const field = (name: FigureName, label: string) => (
    <FigureField
      key={name}
      name={name}
      label={label}
      text={draft.figures[name] ?? ""}
      onText={(text) => figure(name, text)}
      fault={faults[name]}
      reading={readingOf(usage, name)}
      focus={name === first}
    />
  );
  return (
    <div className={classes["groups"]}>
      {COUNTED.map(({ title, fields }) => (
        <FieldGroup key={title} title={title === "Cost" ? "Cost, in US dollars" : title}>
          {fields.map(([name, span]) => field(name, span))}
        </FieldGroup>
      ))}
      <FieldGroup title="At one time">
        {field("max_concurrent_requests", "requests at once")}
        {field("max_tokens_per_request", "tokens in one request")}
      </FieldGroup>
      <Models draft={draft} onDraft={onDraft} faults={faults} />
    </div>
  );
}

function FieldGroup({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className={classes["group"]}>
      <legend className={classes["legend"]}>{title}</legend>
      <div className={classes["fields"]}>{children}</div>
    </fieldset>
  );
}

interface FieldProps {
  name: FigureName;
  label: string;
  text: string;
  onText: (text: string) => void;
  fault: string | undefined;
  reading?: Reading | undefined;
  /** Of which model, for those who do not see where the field stands. */
  of?: string;
  focus?: boolean;
}

export function FigureField({ name, label, text, onText, fault, reading, of, focus = false }: FieldProps) {
  const cost = isCost(name);
  const read = readFigure(name, text);
  const blocks = "value" in read && (read.value === 0 || read.value === "0");
  return (
    <div className={classes["input"]}>
      <TextInput
        label={label}
        aria-label={of === undefined ? wordsOf(name) : `${wordsOf(name)}, ${of}`}
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
        <span className={`${classes["said"] ?? ""} ${blocks ? (classes["blocks"] ?? "") : ""}`}>
          {blocks ? "0 blocks every request" : reading !== undefined && `${used(name, reading)} used`}
        </span>
      )}
    </div>
  );
}

function used(name: string, { used: amount }: Reading): string {
  return isCost(name) ? exactUsd(decimal(amount)) : compact(amount).join(" ").trim();
}

function readingOf(usage: Usage | undefined, name: FigureName): Reading | undefined {
  return (usage as Record<string, Reading> | undefined)?.[name];
}

function Models({ draft, onDraft, faults }: Omit<Props, "usage" | "first">) {
  const names = (useAllModels().data?.data ?? []).map((model) => model.name);
  const { allowed, models } = draft;
  const put = (model: string, name: CountName, text: string) =>
    onDraft({ ...draft, models: { ...models, [model]: { ...models[model], [name]: text } } });
  const remove = (model: string) => onDraft({ ...draft, models: Object.fromEntries(Object.entries(models).filter(([name]) => name !== model)) });
  return (
    <>
      <fieldset className={classes["group"]}>
        <legend className={classes["legend"]}>Allowed models</legend>
        <Stack gap={8}>
          <Select
            size="xs"
            w={220}
            aria-label="Which models are allowed"
            allowDeselect={false}
            data={[
              { value: "all", label: "All models" },
              { value: "some", label: "Only those named" },
            ]}
            value={allowed === null ? "all" : "some"}
            onChange={(value) => onDraft({ ...draft, allowed: value === "all" ? null : (allowed ?? []) })}
          />
          {allowed !== null && (
            <>
              <TagsInput
                size="xs"
                aria-label="Models that are allowed"
                placeholder="Name of a model"
                data={names}
                value={[...allowed]}
                onChange={(chosen) => onDraft({ ...draft, allowed: chosen })}
                error={faults["allowed_models"]}
                acceptValueOnBlur
              />
              {allowed.length === 0 && (
                <Text size="xs" c="var(--warn)">
                  None is named: that blocks every request.
                </Text>
              )}
            </>
          )}
        </Stack>
      </fieldset>
      <fieldset className={classes["group"]}>
        <legend className={classes["legend"]}>For one model</legend>
        <Stack gap={12}>
          {Object.entries(models).map(([model, texts]) => (
            <section key={model} className={classes["model"]} aria-label={`Limits for ${model}`}>
              <div className={classes["modelHead"]}>
                {model}
                <Button variant="subtle" color="gray" size="compact-xs" onClick={() => remove(model)} aria-label={`Remove the limits for ${model}`}>
                  Remove
                </Button>
              </div>
              <Stack gap={12}>
                {COUNTED.map(({ title, fields }) => (
                  <fieldset key={title} className={classes["group"]}>
                    <legend className="visually-hidden">{`${title}, ${model}`}</legend>
                    <div className={classes["fields"]}>
                      {fields.map(([name, span]) => (
                        <FigureField
                          key={name}
                          name={name}
                          of={model}
                          label={`${title} ${span}`}
                          text={texts[name] ?? ""}
                          onText={(text) => put(model, name, text)}
                          fault={faults[`models.${model}.${name}`]}
                        />
                      ))}
                    </div>
                  </fieldset>
                ))}
              </Stack>
            </section>
          ))}
          <AddModel
            names={names.filter((name) => models[name] === undefined)}
            taken={(name) => models[name] !== undefined}
            onAdd={(model) => onDraft({ ...draft, models: { ...models, [model]: {} } })}
          />
          {faults["models"] !== undefined && (
            <Text size="xs" c="var(--bad)" role="alert">
              {faults["models"]}
            </Text>
          )}
        </Stack>
      </fieldset>
    </>
  );
}

function AddModel({ names, taken, onAdd }: { names: string[]; taken: (name: string) => boolean; onAdd: (name: string) => void }) {
  const [name, setName] = useState("");
  const bare = name.trim();
  const wrong = /[\s*]/.test(bare) ? "A model's name has no spaces and no *." : taken(bare) ? "It is there already." : undefined;
  const add = () => {
    if (bare === "" || wrong !== undefined) return;
    onAdd(bare);
    setName("");
  };
  return (
    <Group gap={8} align="flex-start">
      <TextInput
        size="xs"
        w={220}
        aria-label="A model to limit by itself"
        placeholder="Name of a model"
        list="models-to-limit"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={wrong}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          add();
        }}
      />
      <datalist id="models-to-limit">
        {names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <Button variant="default" onClick={add} disabled={bare === ""}>
        Add
      </Button>
    </Group>
  );
}
