import { Button, Group, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import type { Draft, Faults } from "~/features/limits/draft";
import { LimitField } from "~/features/limits/LimitField";
import { COUNTED, type CountName } from "~/features/limits/names";
import { useModelNames } from "~/features/models/models";
import { Name } from "~/ui/Name";

import classes from "./LimitFields.module.css";

interface Props {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  faults: Faults;
}

/** The limits that are about models: which are allowed, and limits for one model. */
export function ModelLimitFields({ draft, onDraft, faults }: Props) {
  const names = useModelNames();
  const { allowed, models } = draft;
  const set = (model: string, name: CountName, text: string) =>
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
                <Name text={model} tail={14} />
                <Button variant="subtle" color="gray" size="compact-xs" flex="none" onClick={() => remove(model)} aria-label={`Remove the limits for ${model}`}>
                  Remove
                </Button>
              </div>
              <Stack gap={12}>
                {COUNTED.map(({ title, fields }) => (
                  <fieldset key={title} className={classes["group"]}>
                    <legend className="visually-hidden">{`${title}, ${model}`}</legend>
                    <div className={classes["fields"]}>
                      {fields.map(([name, span]) => (
                        <LimitField
                          key={name}
                          name={name}
                          model={model}
                          label={`${title} ${span}`}
                          text={texts[name] ?? ""}
                          onText={(text) => set(model, name, text)}
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

/** Adds a model that gets limits of its own. */
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
